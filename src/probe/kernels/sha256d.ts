import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import {
  digestValue,
  GENESIS_HEADER,
  GENESIS_NONCE,
  HEADER_BYTES,
  sha256d as reference,
  targetOf,
  withNonce,
} from "./block-header.ts";
import {
  asBytes,
  asWords,
  gridOf,
  type Kernel,
  POISON,
  type Random,
  randomBytes,
  randomInt,
  type Scale,
  type Workload,
  wrongResult,
} from "./kernel.ts";
import { sha256State } from "./sha256-midstate.ts";

const NAME = "sha256d";
const WORKGROUP = 256;
const PARAMS = 0;
const FOUND = 1;
const DIGESTS = 2;
const DIGEST_BYTES = 32;
/** 64 rounds of 24 and 48 words of the schedule of 13, as counted in the shader. */
const OPERATIONS_PER_COMPRESSION = 2160;

const NONCES: Record<Scale, number> = { gpu: 2 ** 24, software: 2 ** 14, probe: 2 ** 20 };
/** One nonce in so many meets the workload's target: enough to check, too few to cost. */
const ODDS: Record<Scale, bigint> = { gpu: 20n, software: 10n, probe: 16n };

export interface NonceRange {
  /** 80 bytes; the nonce in it does not matter. */
  header: Uint8Array;
  firstNonce: number;
  /** Nonces from the first on, modulo 2^32. */
  count: number;
}

/** Lists the nonces of the range whose hash is not above `target`, up to `capacity` of them. */
export function searchJob(
  code: string,
  range: NonceRange,
  target: bigint,
  capacity: number,
): KernelJob {
  return {
    label: `${NAME} search`,
    code,
    entryPoint: "search",
    workgroups: grid(range.count),
    buffers: [
      params(range, target, capacity),
      {
        binding: FOUND,
        kind: "read-write",
        sizeBytes: 4 * (1 + capacity),
        data: new Uint8Array(4),
        fill: POISON,
      },
    ],
  };
}

/** Writes the digest of every nonce of the range. */
export function digestJob(code: string, range: NonceRange): KernelJob {
  return {
    label: `${NAME} digest`,
    code,
    entryPoint: "digest",
    workgroups: grid(range.count),
    buffers: [
      params(range, 0n, 0),
      {
        binding: DIGESTS,
        kind: "read-write",
        sizeBytes: DIGEST_BYTES * range.count,
        fill: POISON,
      },
    ],
  };
}

/** What a search left: `count` matches in all, of which as many are listed as there was room. */
export function readFound(bytes: Uint8Array): { count: number; nonces: number[] } {
  const [count = 0, ...listed] = asWords(bytes);
  const nonces = listed.slice(0, count).sort((a, b) => a - b);
  return { count, nonces };
}

/** The digests of a range, in the byte order of FIPS 180-4. */
export function readDigests(bytes: Uint8Array): Uint8Array[] {
  const swapped = Buffer.from(bytes).swap32();
  return Array.from({ length: swapped.length / DIGEST_BYTES }, (_, i) =>
    Uint8Array.from(swapped.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)),
  );
}

/** SHA-256d of an 80-byte header over a range of nonces: integer arithmetic, no memory traffic. */
export const sha256dKernel: Kernel = {
  name: NAME,
  family: "hash",
  unit: "hash/s",
  purpose: "SHA-256d of a block header: 32-bit integer arithmetic in registers, no memory traffic",
  shader: "sha256d.wgsl",
  cost: { "int32-op": 2 * OPERATIONS_PER_COMPRESSION },
  lacks: () => undefined,
  variants: () => [{}],

  async verify(device, { code }, random) {
    await verifyGenesis(device, code);
    await verifyRandom(device, code, random);
  },

  workload({ build: { code }, scale, random }) {
    const header = randomBytes(random, HEADER_BYTES);
    const range = { header, firstNonce: 0, count: NONCES[scale] };
    const target = 1n << (256n - ODDS[scale]);
    return {
      job: searchJob(code, range, target, 256),
      workPerDispatch: range.count,
      check: (read) => checkListed(header, target, read),
    } satisfies Workload;
  },
};

async function verifyGenesis(device: ProbeDevice, code: string): Promise<void> {
  const range = { header: GENESIS_HEADER, firstNonce: GENESIS_NONCE - 700, count: 1001 };
  const job = searchJob(code, range, targetOf(GENESIS_HEADER), 4);
  const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
  const { count, nonces } = readFound(bytes);
  if (count !== 1 || nonces[0] !== GENESIS_NONCE) {
    throw wrongResult(NAME, `the genesis block's nonce was not found alone (${count} matches)`);
  }
}

async function verifyRandom(device: ProbeDevice, code: string, random: Random): Promise<void> {
  const header = randomBytes(random, HEADER_BYTES);
  const range = { header, firstNonce: randomInt(random, 2 ** 32 - 4096), count: 777 };
  const expected = Array.from({ length: range.count }, (_, i) =>
    reference(withNonce(header, range.firstNonce + i)),
  );

  const [digestBytes = new Uint8Array()] = await runOnce(device, digestJob(code, range), [DIGESTS]);
  const wrong = readDigests(digestBytes).findIndex(
    (digest, i) => Buffer.compare(digest, expected[i] ?? new Uint8Array()) !== 0,
  );
  if (wrong >= 0)
    throw wrongResult(NAME, `the digest of nonce ${range.firstNonce + wrong} differs`);

  // The target is one of the hashes, so that one match is exactly at the boundary.
  const values = expected.map(digestValue);
  const target = values.toSorted((a, b) => (a < b ? -1 : 1))[24] ?? 0n;
  const matches = values.flatMap((value, i) => (value <= target ? [range.firstNonce + i] : []));
  const job = searchJob(code, range, target, matches.length);
  const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
  const { count, nonces } = readFound(bytes);
  if (count !== matches.length || !matches.every((nonce, i) => nonce === nonces[i])) {
    throw wrongResult(NAME, `${count} nonces were listed where ${matches.length} match`);
  }
}

async function checkListed(
  header: Uint8Array,
  target: bigint,
  read: (binding: number) => Promise<Uint8Array>,
): Promise<void> {
  const { count, nonces } = readFound(await read(FOUND));
  if (count === 0) throw wrongResult(NAME, "a whole run listed no nonce");
  for (const nonce of nonces) {
    if (digestValue(reference(withNonce(header, nonce))) > target) {
      throw wrongResult(NAME, `nonce ${nonce} was listed but its hash is above the target`);
    }
  }
}

function grid(count: number): KernelJob["workgroups"] {
  return gridOf(Math.ceil(count / WORKGROUP));
}

/** The uniform block of the shader, word for word. */
function params(range: NonceRange, target: bigint, capacity: number): BufferSpec {
  const header = new DataView(range.header.buffer, range.header.byteOffset);
  const words = new Uint32Array(24);
  words.set(sha256State(range.header.subarray(0, 64)), 0);
  words.set(thresholdWords(target), 8);
  for (let i = 0; i < 3; i++) words[16 + i] = header.getUint32(64 + 4 * i);
  words[19] = range.firstNonce;
  words[20] = range.count;
  words[21] = capacity;
  return { binding: PARAMS, kind: "uniform", sizeBytes: words.byteLength, data: asBytes(words) };
}

function thresholdWords(target: bigint): number[] {
  return Array.from({ length: 8 }, (_, i) =>
    Number((target >> BigInt(32 * (7 - i))) & 0xffff_ffffn),
  );
}
