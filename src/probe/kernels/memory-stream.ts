import type { Cost, Resource } from "../../model/calibration.ts";
import { type ProbeDevice, runOnce } from "../device.ts";
import type { AdapterDescription, BufferSpec, KernelJob } from "../protocol.ts";
import { inRows, withCanary, withoutCanary } from "./canary.ts";
import {
  asWords,
  gridOf,
  type Kernel,
  type Random,
  randomInt,
  type Scale,
  type Workload,
  uniformBlock,
  wrongResult,
} from "./kernel.ts";
import { lacksStorage, lacksWorkgroup, storageBytes, workgroupVariants } from "./limits.ts";
import type { Build } from "./variant.ts";

/**
 * The host side of the kernels that go through long buffers from end to end. What their shaders
 * have in common: binding 0 is a uniform block of words, seed and factor; `fill` makes the inputs
 * on the device, so that none of their bytes go through the host; WORKGROUP and LOADS.
 */
const PARAMS = 0;

export interface StreamRun {
  /** 32-bit words in each buffer; any number, 0 as well. */
  words: number;
  seed: number;
  /** A small integer. */
  factor: number;
}

/** What tells one of these kernels from another. */
export interface StreamDesign {
  name: string;
  purpose: string;
  shader: string;
  entryPoint: string;
  inputs: readonly number[];
  output: number;
  /** Of one byte read or written. */
  cost: Cost;
  measures?: Resource | undefined;
  /** The bits of one word of the output. */
  expected: (run: StreamRun, word: number) => number;
}

const WORKGROUP_SIZES = [256, 128, 512];
const BYTES_PER_VECTOR = 16;

/**
 * Words in a buffer. On a GPU 256 MiB, several times what any cache holds. A `probe` must be
 * short: its 4 MiB fit the cache of a large device, and their rate is that of the cache.
 */
const WORDS: Record<Scale, number> = { gpu: 2 ** 26, software: 2 ** 18, probe: 2 ** 20 };
/** Below this a device's cache would be measured and not its memory. */
const LEAST_BYTES = 2 ** 26;
const CHECKED_RANGES = 16;
const CHECKED_WORDS = 256;

/** Every buffer has room for whole vectors; what is behind the last word must stay as it is. */
export function streamJob(design: StreamDesign, build: Build, run: StreamRun): KernelJob {
  const { WORKGROUP = Number.NaN, LOADS = Number.NaN } = build.variant;
  const vectors = Math.ceil(run.words / 4);
  const sizeBytes = BYTES_PER_VECTOR * Math.max(1, vectors);
  const storage = (binding: number): BufferSpec => ({ binding, kind: "read-write", sizeBytes });
  const { code } = build;
  return {
    label: design.name,
    code,
    entryPoint: design.entryPoint,
    workgroups: gridOf(Math.ceil(vectors / (WORKGROUP * LOADS))),
    buffers: [params(run), ...design.inputs.map(storage), storage(design.output)],
    setup: [
      {
        code,
        entryPoint: "fill",
        workgroups: gridOf(Math.ceil(vectors / WORKGROUP)),
        bindings: [PARAMS, ...design.inputs],
      },
    ],
  };
}

/** The kernel of a design: its rate is bytes read and written, a second. */
export function streamKernel(design: StreamDesign): Kernel {
  const { name, purpose, shader, cost, measures } = design;
  return {
    name,
    family: "memory",
    unit: "B/s",
    purpose,
    shader,
    cost,
    measures,
    lacks: (adapter) =>
      lacksStorage(adapter, LEAST_BYTES) ?? lacksWorkgroup(adapter, WORKGROUP_SIZES),
    variants: (adapter) =>
      workgroupVariants(adapter, WORKGROUP_SIZES, [{ LOADS: 4 }, { LOADS: 1 }]),
    verify: (device, build, random) => verify(design, device, build, random),
    workload: ({ build, scale, adapter, random }) =>
      workload(design, build, scale, adapter, random),
  };
}

function workload(
  design: StreamDesign,
  build: Build,
  scale: Scale,
  adapter: AdapterDescription,
  random: Random,
): Workload {
  const room = Math.floor(storageBytes(adapter) / BYTES_PER_VECTOR) * 4;
  const words = Math.min(WORDS[scale], room);
  const run = randomRun(words, random);
  const streams = design.inputs.length + 1;
  return {
    // The output starts as zeros, and not poisoned: that would send all of it through the host.
    job: streamJob(design, build, run),
    workPerDispatch: 4 * words * streams,
    check: async (read) => {
      for (let i = 0; i < CHECKED_RANGES; i++) {
        const size = Math.min(CHECKED_WORDS, words);
        const first = i === 0 ? words - size : randomInt(random, words - size + 1);
        const range = { offsetBytes: 4 * first, sizeBytes: 4 * size };
        compare(design, run, first, asWords(await read(design.output, range)));
      }
    },
  };
}

async function verify(
  design: StreamDesign,
  device: ProbeDevice,
  build: Build,
  random: Random,
): Promise<void> {
  const { WORKGROUP = 1, LOADS = 1 } = build.variant;
  const tile = 4 * WORKGROUP * LOADS;
  for (const words of [0, 1, 3, 4, tile - 1, 3 * tile + 5, 1 + randomInt(random, 4 * tile)]) {
    const run = randomRun(words, random);
    const whole = inRows(streamJob(design, build, run), 2);
    const job = withCanary(whole, [design.output]);
    const [bytes = new Uint8Array()] = await runOnce(device, job, [design.output]);
    compare(design, run, 0, asWords(withoutCanary(design.name, bytes, 4 * words)));
  }
}

function compare(design: StreamDesign, run: StreamRun, first: number, words: Uint32Array): void {
  for (const [i, word] of words.entries()) {
    const expected = design.expected(run, first + i);
    if (word !== expected)
      throw wrongResult(
        design.name,
        `word ${first + i} of ${run.words} is ${word}, not ${expected}`,
      );
  }
}

function randomRun(words: number, random: Random): StreamRun {
  return { words, seed: randomInt(random, 2 ** 32), factor: 2 + randomInt(random, 6) };
}

function params({ words, seed, factor }: StreamRun): BufferSpec {
  const block = Uint32Array.of(words, seed, floatBits(factor), 0);
  return uniformBlock(PARAMS, block);
}

/** The bits of a number as f32. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}
