/**
 * Ethash on the CPU, from its public specification (the Yellow Paper's appendix J and
 * ethereum.org's page "Ethash"): the light cache, any item of the dataset, and the hash.
 */
import { keccak_256, keccak_512 } from "@noble/hashes/sha3.js";
import { asBytes, asWords } from "./kernel.ts";
import { keccakState } from "./keccak-wasm.ts";

export const ITEM_BYTES = 64;
export const PAGE_BYTES = 128;
const ITEM_WORDS = ITEM_BYTES / 4;
const PAGE_WORDS = PAGE_BYTES / 4;
const CACHE_GROWTH_BITS = 17;
const DATASET_GROWTH_BITS = 23;
const CACHE_ROUNDS = 3;
const PARENTS = 256;
export const ACCESSES = 64;

/** How many items the light cache has, and how many pages of two items the dataset. */
export interface EthashSizes {
  cacheItems: number;
  pages: number;
}

/** Both are the largest primes below a bound that grows with the epoch. */
export function epochSizes(epoch: number): EthashSizes {
  const cacheBytes = 2 ** 24 + epoch * 2 ** CACHE_GROWTH_BITS;
  const datasetBytes = 2 ** 30 + epoch * 2 ** DATASET_GROWTH_BITS;
  return sizesBelow(cacheBytes, datasetBytes);
}

/** The same rule for any bounds in bytes, of at least three items and three pages. */
export function sizesBelow(cacheBytes: number, datasetBytes: number): EthashSizes {
  return {
    cacheItems: primeBelow(Math.floor(cacheBytes / ITEM_BYTES)),
    pages: primeBelow(Math.floor(datasetBytes / PAGE_BYTES)),
  };
}

/** @throws RangeError for a bound of 2 or less */
function primeBelow(bound: number): number {
  for (let candidate = bound - 1; candidate >= 2; candidate--) {
    if (isPrime(candidate)) return candidate;
  }
  throw new RangeError(`there is no prime below ${bound}`);
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}

/** 32 zero bytes for epoch 0, and Keccak-256 of the one before for each that follows. */
export function seedHash(epoch: number): Uint8Array {
  let seed: Uint8Array = new Uint8Array(32);
  for (let i = 0; i < epoch; i++) seed = keccak_256(seed);
  return seed;
}

/**
 * The light cache: a chain of Keccak-512, then three rounds of RandMemoHash over it. Each item
 * needs the one before, so it is made by the CPU: 262,139 items of epoch 0 are a million hashes.
 */
export function lightCache(cacheItems: number, seed: Uint8Array): Uint32Array {
  const cache = new Uint32Array(cacheItems * ITEM_WORDS);
  const { words, permute } = keccakState();
  /** Keccak-512 of the first `length` words of the state, whose other words are zero. */
  const hashInto = (item: number, length: number): void => {
    words[length] = 1;
    words[17] = (words[17] ?? 0) | 0x8000_0000;
    permute();
    for (let i = 0; i < ITEM_WORDS; i++) cache[item * ITEM_WORDS + i] = words[i] ?? 0;
  };

  words.set(asWords(seed));
  hashInto(0, 8);
  for (let item = 1; item < cacheItems; item++) {
    words.fill(0, ITEM_WORDS);
    hashInto(item, ITEM_WORDS);
  }
  for (let round = 0; round < CACHE_ROUNDS; round++) {
    for (let item = 0; item < cacheItems; item++) {
      const before = ((item + cacheItems - 1) % cacheItems) * ITEM_WORDS;
      const other = ((cache[item * ITEM_WORDS] ?? 0) % cacheItems) * ITEM_WORDS;
      for (let i = 0; i < ITEM_WORDS; i++) {
        words[i] = (cache[before + i] ?? 0) ^ (cache[other + i] ?? 0);
      }
      words.fill(0, ITEM_WORDS);
      hashInto(item, ITEM_WORDS);
    }
  }
  return cache;
}

/** FNV as Ethash has it: the product first, then the exclusive or. */
function fnv(a: number, b: number): number {
  return (Math.imul(a, 0x0100_0193) ^ b) >>> 0;
}

/** Item `index` of the dataset, computed from the cache: 16 words. */
export function datasetItem(cache: Uint32Array, index: number): Uint32Array {
  const cacheItems = cache.length / ITEM_WORDS;
  const first = (index % cacheItems) * ITEM_WORDS;
  let mix: Uint32Array = cache.slice(first, first + ITEM_WORDS);
  mix[0] = (mix[0] ?? 0) ^ index;
  mix = asWords(keccak_512(asBytes(mix)));
  for (let j = 0; j < PARENTS; j++) {
    const parent = (fnv(index ^ j, mix[j % ITEM_WORDS] ?? 0) % cacheItems) * ITEM_WORDS;
    for (let i = 0; i < ITEM_WORDS; i++) mix[i] = fnv(mix[i] ?? 0, cache[parent + i] ?? 0);
  }
  return asWords(keccak_512(asBytes(mix)));
}

/** What a hash yields: the compressed mix and the result, 32 bytes each. */
export interface EthashDigest {
  mix: Uint8Array;
  result: Uint8Array;
}

/** The hash of a 32-byte header and a nonce; `item` gives the dataset's items. */
export function hashimoto(
  header: Uint8Array,
  nonce: bigint,
  pages: number,
  item: (index: number) => Uint32Array,
): EthashDigest {
  const message = new Uint8Array(40);
  message.set(header);
  new DataView(message.buffer).setBigUint64(32, nonce, true);
  const seedBytes = keccak_512(message);
  const seed = asWords(seedBytes);

  const mix = new Uint32Array([...seed, ...seed]);
  for (let access = 0; access < ACCESSES; access++) {
    const page = fnv(access ^ (seed[0] ?? 0), mix[access % PAGE_WORDS] ?? 0) % pages;
    const read = [...item(2 * page), ...item(2 * page + 1)];
    for (const [i, word] of read.entries()) mix[i] = fnv(mix[i] ?? 0, word);
  }

  const compressed = Uint32Array.from({ length: 8 }, (_, i) => {
    const [a = 0, b = 0, c = 0, d = 0] = mix.subarray(4 * i, 4 * i + 4);
    return fnv(fnv(fnv(a, b), c), d);
  });
  const mixBytes = asBytes(compressed);
  return { mix: mixBytes, result: keccak_256(Uint8Array.from([...seedBytes, ...mixBytes])) };
}

/** The dataset's items, each computed when first asked for. */
export function datasetOf(cache: Uint32Array): (index: number) => Uint32Array {
  const known = new Map<number, Uint32Array>();
  return (index) => {
    const found = known.get(index) ?? datasetItem(cache, index);
    known.set(index, found);
    return found;
  };
}
