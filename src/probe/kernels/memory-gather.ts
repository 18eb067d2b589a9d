import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import { inRows, withCanary, withoutCanary } from "./canary.ts";
import {
  asWords,
  gridOf,
  type Kernel,
  POISON,
  type Random,
  randomInt,
  type Scale,
  uniformBlock,
  wrongResult,
} from "./kernel.ts";
import { lacksStorage, lacksWorkgroup, tableBytes, workgroupVariants } from "./limits.ts";
import { scatter } from "./scatter.ts";
import type { Build } from "./variant.ts";

const NAME = "memory-gather";
const PARAMS = 0;
const TABLE = 1;
const SUMS = 2;

/** As the shader: a piece is 8 vectors of 4 words; an invocation reads 4 in a turn. */
const PIECE_BYTES = 128;
const VECTOR_BYTES = 16;
const VECTOR_WORDS = 4;
const LANES = 8;
const READS = 4;
const WORKGROUP_SIZES = [256, 128, 64];

/** 16 operations for 16 bytes, as counted in the shader. */
const OPERATIONS_PER_BYTE = 1;

interface Size {
  tableBytes: number;
  /** Invocations. */
  count: number;
  turns: number;
}

/**
 * On a GPU 1 GiB of which a launch reads twice as much. A `probe` must be short and take little
 * memory from others: its 16 MiB fit the cache of a large device, and their rate is that of the
 * cache.
 */
const SIZES: Record<Scale, Size> = {
  gpu: { tableBytes: 2 ** 30, count: 2 ** 21, turns: 16 },
  software: { tableBytes: 2 ** 20, count: 2 ** 13, turns: 4 },
  probe: { tableBytes: 2 ** 24, count: 2 ** 17, turns: 4 },
};
/** Below this a device's cache would be measured and not its memory. */
const LEAST_BYTES = 2 ** 27;
const CHECKED_SUMS = 64;

export interface GatherRun {
  /** A power of two. */
  pieces: number;
  /** Invocations: eight share a piece. */
  count: number;
  turns: number;
  seed: number;
}

export function gatherJob({ code, variant }: Build, run: GatherRun): KernelJob {
  const { WORKGROUP = Number.NaN } = variant;
  const { pieces, count } = run;
  return {
    label: NAME,
    code,
    entryPoint: "gather",
    workgroups: gridOf(Math.ceil(count / WORKGROUP)),
    buffers: [
      params(run),
      { binding: TABLE, kind: "read-write", sizeBytes: PIECE_BYTES * pieces },
      {
        binding: SUMS,
        kind: "read-write",
        sizeBytes: VECTOR_BYTES * Math.max(1, count),
        fill: POISON,
      },
    ],
    setup: [
      {
        code,
        entryPoint: "fill",
        workgroups: gridOf(Math.ceil((pieces * LANES) / WORKGROUP)),
        bindings: [PARAMS, TABLE],
      },
    ],
  };
}

/** The four words that one invocation adds up, by the CPU. */
export function gatheredSum(run: GatherRun, invocation: number): number[] {
  const { pieces, turns, seed } = run;
  const reads = turns * READS;
  const first = Math.floor(invocation / LANES) * reads + seed;
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < reads; i++) {
    const piece = scatter((first + i) | 0) & (pieces - 1);
    const word = (piece * LANES + (invocation % LANES)) * VECTOR_WORDS;
    for (const [j, sum] of sums.entries()) sums[j] = (sum + scatter((word + j + seed) | 0)) >>> 0;
  }
  return sums;
}

/** Scattered reads of whole cache lines: the ceiling of hashes that are bound by memory. */
export const memoryGatherKernel: Kernel = {
  name: NAME,
  family: "memory",
  unit: "B/s",
  purpose: "128-byte pieces read from all over a large table: the ceiling of scattered reads",
  shader: "memory-gather.wgsl",
  cost: { "gather-byte": 1, "int32-op": OPERATIONS_PER_BYTE },
  measures: "gather-byte",
  lacks: (adapter) =>
    lacksStorage(adapter, LEAST_BYTES) ?? lacksWorkgroup(adapter, WORKGROUP_SIZES),
  variants: (adapter) => workgroupVariants(adapter, WORKGROUP_SIZES, [{}]),
  verify,

  workload({ build, scale, adapter, random }) {
    const { count, turns, tableBytes: wanted } = SIZES[scale];
    const pieces = tableBytes(adapter, wanted) / PIECE_BYTES;
    const run = { pieces, count, turns, seed: randomInt(random, 2 ** 32) };
    return {
      job: gatherJob(build, run),
      workPerDispatch: count * turns * READS * VECTOR_BYTES,
      check: async (read) => {
        for (let i = 0; i < CHECKED_SUMS; i++) {
          const at = i === 0 ? count - 1 : randomInt(random, count);
          const range = { offsetBytes: VECTOR_BYTES * at, sizeBytes: VECTOR_BYTES };
          compare(run, at, asWords(await read(SUMS, range)));
        }
      },
    };
  },
};

async function verify(device: ProbeDevice, build: Build, random: Random): Promise<void> {
  const { WORKGROUP = 1 } = build.variant;
  const cases = [
    { pieces: 1, count: 1, turns: 1 },
    { pieces: 64, count: 0, turns: 3 },
    { pieces: 2, count: 9, turns: 0 },
    { pieces: 512, count: WORKGROUP - 1, turns: 3 },
    { pieces: 1024, count: 3 * WORKGROUP + 1, turns: 2 },
    { pieces: 4096, count: 1 + randomInt(random, 4 * WORKGROUP), turns: 1 + randomInt(random, 8) },
  ];
  for (const size of cases) {
    const run = { ...size, seed: randomInt(random, 2 ** 32) };
    const job = withCanary(inRows(gatherJob(build, run), 2), [TABLE, SUMS]);
    const [table = new Uint8Array(), sums = new Uint8Array()] = await runOnce(device, job, [
      TABLE,
      SUMS,
    ]);
    compareTable(run, asWords(withoutCanary(NAME, table, PIECE_BYTES * run.pieces)));
    const words = asWords(withoutCanary(NAME, sums, VECTOR_BYTES * run.count));
    for (let i = 0; i < run.count; i++)
      compare(run, i, words.subarray(VECTOR_WORDS * i, VECTOR_WORDS * (i + 1)));
  }
}

function compareTable({ pieces, seed }: GatherRun, words: Uint32Array): void {
  const wrong = words.findIndex((word, i) => word !== scatter((i + seed) | 0));
  if (wrong >= 0) throw wrongResult(NAME, `word ${wrong} of a table of ${pieces} pieces is wrong`);
}

function compare(run: GatherRun, invocation: number, words: Uint32Array): void {
  const expected = gatheredSum(run, invocation);
  if (words.length !== VECTOR_WORDS || expected.some((sum, i) => sum !== words[i]))
    throw wrongResult(
      NAME,
      `invocation ${invocation} of ${run.count} gathered ${words.join(", ")}, not ${expected.join(", ")}`,
    );
}

function params({ count, turns, seed, pieces }: GatherRun): BufferSpec {
  const block = Uint32Array.of(count, turns, seed, pieces - 1);
  return uniformBlock(PARAMS, block);
}
