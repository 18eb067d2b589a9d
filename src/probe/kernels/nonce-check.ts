import { type ProbeDevice, runOnce } from "../device.ts";
import {
  type Random,
  randomBytes,
  randomInt,
  type ReadBuffer,
  type Scale,
  type Workload,
  type WorkloadContext,
  wrongResult,
} from "./kernel.ts";
import { boundaryOf, readFound, requireListed } from "./found-list.ts";
import {
  digestJob,
  DIGESTS,
  FOUND,
  type NonceHash,
  readDigests,
  searchJob,
  withNonce,
} from "./nonce-search.ts";

const NONCES: Record<Scale, number> = { gpu: 2 ** 24, software: 2 ** 14, probe: 2 ** 20 };
/** Matches that a run is expected to have: enough to check, too few to cost, never none. */
const EXPECTED_MATCHES = 64;
const CAPACITY = 256;

/** No multiple of any shape's nonces per workgroup. */
const VERIFIED_NONCES = 1301;
/** Rank among the digests of the one that becomes the target. */
const BOUNDARY_RANK = 24;

/**
 * Every digest of a range that wraps around, and the search's list for a target that equals one.
 * @throws `probe/wrong-result`
 */
export async function verifyNonceHash(
  hash: NonceHash,
  device: ProbeDevice,
  code: string,
  random: Random,
): Promise<void> {
  const message = randomBytes(random, hash.messageBytes);
  const firstNonce = 2 ** 32 - randomInt(random, VERIFIED_NONCES) - 1;
  const range = { message, firstNonce, count: VERIFIED_NONCES };
  const nonces = Array.from({ length: range.count }, (_, i) => (firstNonce + i) % 2 ** 32);
  const expected = nonces.map((nonce) => hash.digest(withNonce(hash, message, nonce)));

  const job = digestJob(hash, code, range);
  const [digestBytes = new Uint8Array()] = await runOnce(device, job, [DIGESTS]);
  const digests = readDigests(digestBytes);
  const wrong = expected.findIndex((digest, i) => !sameBytes(digest, digests[i]));
  if (wrong >= 0) throw wrongResult(hash.name, `the digest of nonce ${nonces[wrong]} differs`);

  const values = expected.map((digest) => hash.value(digest));
  const { target, matches } = boundaryOf(values, BOUNDARY_RANK);
  const search = searchJob(hash, code, range, target, matches.length);
  const [bytes = new Uint8Array()] = await runOnce(device, search, [FOUND]);
  const matching = matches.map((i) => nonces[i] ?? Number.NaN).sort((a, b) => a - b);
  requireListed(hash.name, bytes, matching);
}

/** A search with a random message, to run again and again. */
export function nonceWorkload(
  hash: NonceHash,
  { build: { code }, scale, random }: WorkloadContext,
): Workload {
  const message = randomBytes(random, hash.messageBytes);
  const range = { message, firstNonce: 0, count: NONCES[scale] };
  const target = (2n ** 256n * BigInt(EXPECTED_MATCHES)) / BigInt(range.count);
  return {
    job: searchJob(hash, code, range, target, CAPACITY),
    workPerDispatch: range.count,
    check: (read) => checkListed(hash, message, target, read),
  };
}

async function checkListed(
  hash: NonceHash,
  message: Uint8Array,
  target: bigint,
  read: ReadBuffer,
): Promise<void> {
  const { count, listed } = readFound(await read(FOUND));
  if (count === 0) throw wrongResult(hash.name, "a whole run listed no nonce");
  for (const nonce of listed) {
    if (hash.value(hash.digest(withNonce(hash, message, nonce))) > target)
      throw wrongResult(hash.name, `nonce ${nonce} was listed but its hash is above the target`);
  }
}

/** @throws `probe/wrong-result` where the job's one digest is another */
export async function verifyDigest(
  name: string,
  device: ProbeDevice,
  job: Parameters<typeof runOnce>[1],
  expected: Uint8Array,
): Promise<void> {
  const [bytes] = await runOnce(device, job, [DIGESTS]);
  if (!sameBytes(expected, bytes)) throw wrongResult(name, `${job.label}: another digest`);
}

function sameBytes(expected: Uint8Array, actual: Uint8Array | undefined): boolean {
  return actual !== undefined && Buffer.compare(expected, actual) === 0;
}
