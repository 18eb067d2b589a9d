/** The jobs of `ethash.wgsl`: its table, built by the device from the cache, and its launches. */
import type { BufferSpec, KernelJob, SetupStep } from "../protocol.ts";
import { type EthashDigest, ITEM_BYTES, PAGE_BYTES } from "./ethash-reference.ts";
import { foundBuffer, thresholdWords } from "./found-list.ts";
import { asBytes, asWords, gridOf, POISON, uniformBlock } from "./kernel.ts";
import { type Build, buildOf } from "./variant.ts";

const PARAMS = 0;
export const FOUND = 1;
export const DATASET = 2;
const CACHE = 3;
const PART = 4;
export const DIGESTS = 5;
const DIGEST_BYTES = 64;
/** The shader's own, where a build sets none. */
const WORKGROUP = 64;
/**
 * Items a setup step computes: 2 GiB read from the cache, some milliseconds on a large device. The
 * table of epoch 0 takes 129 such steps.
 */
const ITEMS_PER_STEP = 2 ** 17;

/** A light cache and how many pages the dataset made from it has. */
export interface EthashTable {
  cache: Uint32Array;
  pages: number;
  /** How many the device computes at a time; 131,072 unless given. */
  itemsPerStep?: number | undefined;
}

export interface EthashRange {
  /** The hash of a block's header, 32 bytes. */
  header: Uint8Array;
  firstNonce: bigint;
  /** Nonces from the first on, modulo 2^64. */
  count: number;
}

/** Lists the nonces of the range whose result is not above `target`, up to `capacity` of them. */
export function searchJob(
  build: Build,
  table: EthashTable,
  range: EthashRange,
  target: bigint,
  capacity: number,
): KernelJob {
  return {
    label: "ethash search",
    entryPoint: "search",
    bindings: [PARAMS, FOUND, DATASET],
    ...withTable(build, table, range, [
      params(range, target, capacity),
      foundBuffer(FOUND, capacity),
    ]),
  };
}

/** Writes the compressed mix and the result of every nonce of the range. */
export function digestJob(build: Build, table: EthashTable, range: EthashRange): KernelJob {
  const sizeBytes = DIGEST_BYTES * range.count;
  return {
    label: "ethash digest",
    entryPoint: "digest",
    bindings: [PARAMS, DATASET, DIGESTS],
    ...withTable(build, table, range, [
      params(range, 0n, 0),
      { binding: DIGESTS, kind: "read-write", sizeBytes, fill: POISON },
    ]),
  };
}

export function readDigests(bytes: Uint8Array): EthashDigest[] {
  return Array.from({ length: bytes.length / DIGEST_BYTES }, (_, i) => {
    const digest = bytes.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
    return { mix: digest.slice(0, 32), result: digest.slice(32) };
  });
}

/** Where item `index` lies in the dataset's buffer. */
export function itemRange(index: number): { offsetBytes: number; sizeBytes: number } {
  return { offsetBytes: index * ITEM_BYTES, sizeBytes: ITEM_BYTES };
}

function withTable(
  build: Build,
  { cache, pages, itemsPerStep = ITEMS_PER_STEP }: EthashTable,
  range: EthashRange,
  others: readonly BufferSpec[],
): Pick<KernelJob, "code" | "workgroups" | "buffers" | "setup"> {
  const cacheBytes = asBytes(cache);
  const sizes = { CACHE_ITEMS: cacheBytes.byteLength / ITEM_BYTES, PAGES: pages };
  const { code } = buildOf(build.code, sizes);
  const workgroup = build.variant["WORKGROUP"] ?? WORKGROUP;
  return {
    code,
    workgroups: gridOf(Math.ceil(range.count / workgroup)),
    buffers: [
      ...others,
      { binding: DATASET, kind: "read-write", sizeBytes: pages * PAGE_BYTES },
      { binding: CACHE, kind: "read", sizeBytes: cacheBytes.byteLength, data: cacheBytes },
      { binding: PART, kind: "uniform", sizeBytes: 16 },
    ],
    setup: fillSteps(code, workgroup, 2 * pages, itemsPerStep),
  };
}

function fillSteps(
  code: string,
  workgroup: number,
  items: number,
  itemsPerStep: number,
): SetupStep[] {
  return Array.from({ length: Math.ceil(items / itemsPerStep) }, (_, step) => {
    const first = step * itemsPerStep;
    return {
      code,
      entryPoint: "fill",
      workgroups: gridOf(Math.ceil(Math.min(itemsPerStep, items - first) / workgroup)),
      bindings: [DATASET, CACHE, PART],
      writes: [{ binding: PART, offsetBytes: 0, data: asBytes(Uint32Array.of(first)) }],
    };
  });
}

/** The uniform block of the shader, word for word. */
function params(range: EthashRange, target: bigint, capacity: number): BufferSpec {
  const words = new Uint32Array(20);
  words.set(asWords(range.header), 0);
  words.set(thresholdWords(target), 8);
  words[16] = Number(range.firstNonce & 0xffff_ffffn);
  words[17] = Number((range.firstNonce >> 32n) & 0xffff_ffffn);
  words[18] = range.count;
  words[19] = capacity;
  return uniformBlock(PARAMS, words);
}
