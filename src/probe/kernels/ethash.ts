import { type ProbeDevice, runOnce } from "../device.ts";
import type { AdapterDescription } from "../protocol.ts";
import {
  DATASET,
  digestJob,
  DIGESTS,
  type EthashRange,
  type EthashTable,
  FOUND,
  itemRange,
  readDigests,
  searchJob,
} from "./ethash-jobs.ts";
import {
  ACCESSES,
  datasetItem,
  datasetOf,
  epochSizes,
  type EthashDigest,
  type EthashSizes,
  hashimoto,
  lightCache,
  PAGE_BYTES,
  seedHash,
  sizesBelow,
} from "./ethash-reference.ts";
import { bigEndianValue, boundaryOf, readFound, requireListed } from "./found-list.ts";
import { KECCAK_F1600_OPERATIONS } from "./keccak-cost.ts";
import {
  asBytes,
  type Kernel,
  type Random,
  randomBytes,
  randomInt,
  type ReadBuffer,
  type Scale,
  type Workload,
  wrongResult,
} from "./kernel.ts";
import type { Build, Variant } from "./variant.ts";

const NAME = "ethash";
const HEADER_BYTES = 32;
/** FNV of 32 words, and the number of the page: as counted in the shader. */
const OPERATIONS_PER_ACCESS = 32 * 2 + 4;
const OPERATIONS_TO_COMPRESS = 48;

const HASHES: Record<Scale, number> = { gpu: 2 ** 20, software: 2 ** 9, probe: 2 ** 16 };
/** One nonce in so many meets the workload's target: enough to check, too few to cost. */
const ODDS: Record<Scale, bigint> = { gpu: 14n, software: 5n, probe: 10n };
/** A probe's table: larger than the L2 of any GPU known (126 MB), small beside its memory. */
const PROBE_TABLE_BYTES = 2 ** 28;
const SOFTWARE_TABLE_BYTES = 2 ** 19;
/** A dataset has about 64 times the size of its cache, in every epoch. */
const CACHE_SHARE = 64;
/** A probe's cache is smaller: 35 ms of a CPU where epoch 0's takes 1.1 s. */
const PROBE_CACHE_BYTES = 2 ** 19;
/** What WebGPU guarantees where an adapter does not say. */
const GUARANTEED_BINDING_BYTES = 2 ** 27;

/** Rank among the results of the one that becomes the target of a verified search. */
const BOUNDARY_RANK = 10;
const CHECKED_HASHES = 32;
const CHECKED_ITEMS = 16;

/** How many reads should be under way at once depends on the device. */
const VARIANTS: readonly [Variant, ...Variant[]] = [
  { WORKGROUP: 64, TOGETHER: 4 },
  { WORKGROUP: 128, TOGETHER: 4 },
  { WORKGROUP: 32, TOGETHER: 8 },
  { WORKGROUP: 64, TOGETHER: 2 },
];
/** To a CPU that plays GPU shapes hardly matter, but compiling takes longer the larger they are. */
const SOFTWARE_VARIANTS: readonly [Variant, ...Variant[]] = [
  { WORKGROUP: 16, TOGETHER: 2 },
  { WORKGROUP: 8, TOGETHER: 8 },
];

/**
 * How large the table is: epoch 0's real one where the adapter can bind it, else the largest that
 * it can; a smaller one for a probe and for a CPU. A probe's launch is short, but filling its table
 * reads 64 GiB from the cache and its 256 MiB stay on the device: it is for probes that are prepared
 * once, on a device with memory to spare.
 */
export function tableSizes(scale: Scale, adapter: Pick<AdapterDescription, "limits">): EthashSizes {
  const { limits } = adapter;
  const bindable = Math.min(
    limits["maxStorageBufferBindingSize"] ?? GUARANTEED_BINDING_BYTES,
    limits["maxBufferSize"] ?? GUARANTEED_BINDING_BYTES,
  );
  const whole = epochSizes(0);
  if (scale === "gpu" && whole.pages * PAGE_BYTES <= bindable) return whole;
  const wanted = { gpu: bindable, probe: PROBE_TABLE_BYTES, software: SOFTWARE_TABLE_BYTES };
  const bytes = Math.min(wanted[scale], bindable);
  const share = bytes / CACHE_SHARE;
  return sizesBelow(scale === "probe" ? Math.min(PROBE_CACHE_BYTES, share) : share, bytes);
}

/** Ethash of random headers: 64 scattered reads of 128 bytes per hash from a large table. */
export const ethashKernel: Kernel = {
  name: NAME,
  family: "hash",
  unit: "hash/s",
  purpose: "Ethash: scattered 128-byte reads from a table of gibibytes, mixed by Keccak and FNV",
  shader: "ethash.wgsl",
  cost: {
    "gather-byte": ACCESSES * PAGE_BYTES,
    "int32-op":
      2 * KECCAK_F1600_OPERATIONS + ACCESSES * OPERATIONS_PER_ACCESS + OPERATIONS_TO_COMPRESS,
  },
  lacks: () => undefined,
  variants: ({ software }) => (software ? SOFTWARE_VARIANTS : VARIANTS),

  async verify(device, build, random) {
    await verifyRandom(device, build, random);
  },

  workload({ build, scale, adapter, random }) {
    const { cacheItems, pages } = tableSizes(scale, adapter);
    const table = { cache: rememberedCache(cacheItems), pages };
    const header = randomBytes(random, HEADER_BYTES);
    const range = { header, firstNonce: 0n, count: HASHES[scale] };
    const target = 1n << (256n - ODDS[scale]);
    return {
      job: searchJob(build, table, range, target, 256),
      workPerDispatch: range.count,
      check: (read) => checkRun(read, table, range, target, random),
    } satisfies Workload;
  },
};

/** The last cache made, of epoch 0's seed: a search for the best variant asks for it again. */
let remembered: Uint32Array = new Uint32Array();

function rememberedCache(cacheItems: number): Uint32Array {
  if (remembered.length !== cacheItems * 16) {
    remembered = lightCache(cacheItems, seedHash(0));
  }
  return remembered;
}

async function verifyRandom(device: ProbeDevice, build: Build, random: Random): Promise<void> {
  const { cacheItems, pages } = sizesBelow(4096, 2 ** 15);
  const table = { cache: lightCache(cacheItems, randomBytes(random, 32)), pages };
  // The range crosses 2^32, where the nonce's high word changes.
  const range = {
    header: randomBytes(random, HEADER_BYTES),
    firstNonce: (BigInt(randomInt(random, 1000)) << 32n) - BigInt(randomInt(random, 150)),
    count: 150 + randomInt(random, 50),
  };
  const item = datasetOf(table.cache);
  const expected = Array.from({ length: range.count }, (_, i) =>
    hashimoto(range.header, range.firstNonce + BigInt(i), pages, item),
  );

  const job = digestJob(build, table, range);
  const [dataset, digests] = await runOnce(device, job, [DATASET, DIGESTS]);
  const items = Array.from({ length: 2 * pages }, (_, i) => i);
  const wrongItem = items.find((i) => !sameItem(dataset ?? new Uint8Array(), i, item(i)));
  if (wrongItem !== undefined) throw wrongResult(NAME, `item ${wrongItem} of the table differs`);
  const actual = readDigests(digests ?? new Uint8Array());
  const wrong = expected.findIndex((digest, i) => !sameDigest(digest, actual[i]));
  if (wrong >= 0) throw wrongResult(NAME, `the digest of nonce ${wrong} of a range differs`);

  await verifySearch(device, build, table, range, expected);
}

async function verifySearch(
  device: ProbeDevice,
  build: Build,
  table: EthashTable,
  range: EthashRange,
  digests: readonly EthashDigest[],
): Promise<void> {
  const values = digests.map(({ result }) => bigEndianValue(result));
  const { target, matches } = boundaryOf(values, BOUNDARY_RANK);
  const job = searchJob(build, table, range, target, matches.length);
  const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
  requireListed(NAME, bytes, matches);
}

async function checkRun(
  read: ReadBuffer,
  table: EthashTable,
  range: EthashRange,
  target: bigint,
  random: Random,
): Promise<void> {
  const { cache, pages } = table;
  for (let i = 0; i < CHECKED_ITEMS; i++) {
    const index = randomInt(random, 2 * pages);
    const bytes = await read(DATASET, itemRange(index));
    if (Buffer.compare(bytes, asBytes(datasetItem(cache, index))) !== 0)
      throw wrongResult(NAME, `item ${index} of the table differs`);
  }
  const { count, listed } = readFound(await read(FOUND));
  if (count === 0) throw wrongResult(NAME, "a whole run listed no nonce");
  const item = datasetOf(cache);
  for (const index of listed.slice(0, CHECKED_HASHES)) {
    const { result } = hashimoto(range.header, range.firstNonce + BigInt(index), pages, item);
    if (index >= range.count || bigEndianValue(result) > target)
      throw wrongResult(NAME, `nonce ${index} was listed but its result is above the target`);
  }
}

function sameDigest(a: EthashDigest, b: EthashDigest | undefined): boolean {
  if (!b) return false;
  return Buffer.compare(a.mix, b.mix) === 0 && Buffer.compare(a.result, b.result) === 0;
}

function sameItem(dataset: Uint8Array, index: number, expected: Uint32Array): boolean {
  const { offsetBytes, sizeBytes } = itemRange(index);
  const bytes = dataset.subarray(offsetBytes, offsetBytes + sizeBytes);
  return Buffer.compare(bytes, asBytes(expected)) === 0;
}
