import { keccakP } from "@noble/hashes/sha3.js";
import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import { digestValue } from "./block-header.ts";
import { boundaryOf, foundBuffer, readFound, requireListed, thresholdWords } from "./found-list.ts";
import {
  FIRST_NAME,
  type HeavyHeader,
  heavyHash,
  type Matrix,
  matrixOf,
  messageOf,
  SECOND_NAME,
} from "./heavyhash-reference.ts";
import { KECCAK_F1600_OPERATIONS } from "./keccak-cost.ts";
import {
  asWords,
  gridOf,
  type Kernel,
  POISON,
  type Random,
  randomBytes,
  randomInt,
  type ReadBuffer,
  type Scale,
  type Workload,
  uniformBlock,
  wrongResult,
} from "./kernel.ts";
import type { Build } from "./variant.ts";

const NAME = "heavyhash";
const PARAMS = 0;
const FOUND = 1;
const DIGESTS = 2;
const MATRIX = 3;
const DIGEST_BYTES = 32;
/** The shader's own, where a build sets none. */
const WORKGROUP = 128;
/** Of cSHAKE256, in bytes: what a sponge takes at a time. */
const RATE_BYTES = 136;
/** Unpacking the hash, packing the product, adding it: as counted in the shader. */
const OPERATIONS_AROUND_PRODUCT = 24 + 192 + 8;
const DOT_FEATURE = "packed_4x8_integer_dot_product";

const HASHES: Record<Scale, number> = { gpu: 2 ** 22, software: 2 ** 12, probe: 2 ** 17 };
/** One nonce in so many meets the workload's target: enough to check, too few to cost. */
const ODDS: Record<Scale, bigint> = { gpu: 16n, software: 7n, probe: 11n };
/** Rank among the hashes of the one that becomes the target of a verified search. */
const BOUNDARY_RANK = 20;
const CHECKED_HASHES = 64;

export interface HeavyRange extends HeavyHeader {
  firstNonce: bigint;
  /** Nonces from the first on, modulo 2^64. */
  count: number;
}

/** Lists the nonces of the range whose hash is not above `target`, up to `capacity` of them. */
export function searchJob(
  build: Build,
  matrix: Matrix,
  range: HeavyRange,
  target: bigint,
  capacity: number,
): KernelJob {
  return {
    label: `${NAME} search`,
    code: build.code,
    entryPoint: "search",
    workgroups: grid(build, range),
    buffers: [params(range, target, capacity), foundBuffer(FOUND, capacity), matrixBuffer(matrix)],
  };
}

/** Writes the digest of every nonce of the range. */
export function digestJob(build: Build, matrix: Matrix, range: HeavyRange): KernelJob {
  const sizeBytes = DIGEST_BYTES * range.count;
  return {
    label: `${NAME} digest`,
    code: build.code,
    entryPoint: "digest",
    workgroups: grid(build, range),
    buffers: [
      params(range, 0n, 0),
      { binding: DIGESTS, kind: "read-write", sizeBytes, fill: POISON },
      matrixBuffer(matrix),
    ],
  };
}

export function readDigests(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / DIGEST_BYTES }, (_, i) =>
    bytes.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
  );
}

/** A heavy hash of random headers: two Keccak permutations around a 64 x 64 product of nibbles. */
export const heavyhashKernel: Kernel = {
  name: NAME,
  family: "hash",
  unit: "hash/s",
  purpose:
    "Heavy hash in the style of kHeavyHash: a 64 x 64 product of nibbles between two Keccaks",
  shader: "heavyhash.wgsl",
  cost: {
    "int32-op": 2 * KECCAK_F1600_OPERATIONS + OPERATIONS_AROUND_PRODUCT,
    "int8-op": 2 * 64 * 64,
  },
  lacks: ({ languageFeatures }) =>
    languageFeatures.includes(DOT_FEATURE)
      ? undefined
      : `the WebGPU library offers no ${DOT_FEATURE} here`,
  variants: () => [{ WORKGROUP: 128 }, { WORKGROUP: 64 }, { WORKGROUP: 256 }],

  async verify(device, build, random) {
    const matrix = matrixOf(randomBytes(random, 32));
    // The range crosses 2^32, where the nonce's high word changes.
    const range = {
      ...randomHeader(random),
      firstNonce: (BigInt(randomInt(random, 1000)) << 32n) - BigInt(randomInt(random, 300)),
      count: 300 + randomInt(random, 99),
    };
    const expected = Array.from({ length: range.count }, (_, i) =>
      heavyHash(matrix, range, BigInt.asUintN(64, range.firstNonce + BigInt(i))),
    );
    await verifyDigests(device, digestJob(build, matrix, range), expected);
    await verifySearch(device, build, matrix, range, expected.map(digestValue));
  },

  workload({ build, scale, random }) {
    const header = randomHeader(random);
    const matrix = matrixOf(header.hash);
    const range = { ...header, firstNonce: 0n, count: HASHES[scale] };
    const target = 1n << (256n - ODDS[scale]);
    return {
      job: searchJob(build, matrix, range, target, 256),
      workPerDispatch: range.count,
      check: (read) => checkListed(read, matrix, range, target),
    } satisfies Workload;
  },
};

async function verifyDigests(
  device: ProbeDevice,
  job: KernelJob,
  expected: readonly Uint8Array[],
): Promise<void> {
  const [bytes = new Uint8Array()] = await runOnce(device, job, [DIGESTS]);
  const actual = readDigests(bytes);
  const wrong = expected.findIndex(
    (digest, i) => Buffer.compare(digest, actual[i] ?? new Uint8Array()) !== 0,
  );
  if (wrong >= 0) throw wrongResult(NAME, `the digest of nonce ${wrong} of a range differs`);
}

async function verifySearch(
  device: ProbeDevice,
  build: Build,
  matrix: Matrix,
  range: HeavyRange,
  values: readonly bigint[],
): Promise<void> {
  const { target, matches } = boundaryOf(values, BOUNDARY_RANK);
  const job = searchJob(build, matrix, range, target, matches.length);
  const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
  requireListed(NAME, bytes, matches);
}

async function checkListed(
  read: ReadBuffer,
  matrix: Matrix,
  range: HeavyRange,
  target: bigint,
): Promise<void> {
  const { count, listed } = readFound(await read(FOUND));
  if (count === 0) throw wrongResult(NAME, "a whole run listed no nonce");
  for (const index of listed.slice(0, CHECKED_HASHES)) {
    const hash = heavyHash(matrix, range, range.firstNonce + BigInt(index));
    if (index >= range.count || digestValue(hash) > target)
      throw wrongResult(NAME, `nonce ${index} was listed but its hash is above the target`);
  }
}

function randomHeader(random: Random): HeavyHeader {
  return { hash: randomBytes(random, 32), time: BigInt(randomInt(random, 2 ** 48)) };
}

function grid({ variant }: Build, { count }: HeavyRange): KernelJob["workgroups"] {
  return gridOf(Math.ceil(count / (variant["WORKGROUP"] ?? WORKGROUP)));
}

/** The uniform block of the shader, word for word. */
function params(range: HeavyRange, target: bigint, capacity: number): BufferSpec {
  const words = new Uint32Array(116);
  words.set(sponge(FIRST_NAME, messageOf(range, 0n)), 0);
  words.set(sponge(SECOND_NAME, new Uint8Array(32)), 52);
  words.set(thresholdWords(target), 104);
  words[112] = Number(range.firstNonce & 0xffff_ffffn);
  words[113] = Number((range.firstNonce >> 32n) & 0xffff_ffffn);
  words[114] = range.count;
  words[115] = capacity;
  return uniformBlock(PARAMS, words);
}

/**
 * The state of cSHAKE256 with the block of its name taken in and a message of less than a block
 * and its padding added (SP 800-185, 3.3): one permutation before the output.
 */
function sponge(name: string, message: Uint8Array): Uint32Array {
  const prefix = new Uint8Array(200);
  // The rate, no function name, then the name and its length in bits; each length is preceded by
  // its own number of bytes.
  prefix.set([1, RATE_BYTES, 1, 0, 1, 8 * name.length, ...Buffer.from(name)]);
  const state = asWords(prefix);
  keccakP(state);
  const block = new Uint8Array(200);
  block.set(message);
  block[message.length] = 0x04;
  block[RATE_BYTES - 1] = 0x80;
  return asWords(block).map((word, i) => word ^ (state[i] ?? 0));
}

/** In the order that the shader's header gives. */
function matrixBuffer(matrix: Matrix): BufferSpec {
  const bytes = matrix.flatMap((row) =>
    Array.from({ length: 8 }, (_, word) => row.slice(8 * word, 8 * word + 8)).flatMap((columns) => [
      ...columns.filter((_, i) => i % 2 === 0),
      ...columns.filter((_, i) => i % 2 === 1),
    ]),
  );
  const data = Uint8Array.from(bytes);
  return { binding: MATRIX, kind: "uniform", sizeBytes: data.byteLength, data };
}
