import type { Cost, RateUnit, Resource } from "../../model/calibration.ts";
import { type ProbeDevice, runOnce } from "../device.ts";
import type { AdapterDescription, KernelJob } from "../protocol.ts";
import { inRows, withCanary, withoutCanary } from "./canary.ts";
import {
  asWords,
  gridOf,
  type Kernel,
  POISON,
  type Random,
  randomInt,
  type Scale,
  type Workload,
  uniformBlock,
  wrongResult,
} from "./kernel.ts";
import { lacksWorkgroup, storageBytes, workgroupVariants } from "./limits.ts";
import type { Build, Variant } from "./variant.ts";

/**
 * The host side of the kernels that measure one kind of arithmetic: every invocation runs
 * independent chains in registers and writes where they ended, and the CPU runs some of them again.
 *
 * What such a shader has in common: binding 0 is a uniform block of four words (count, iterations,
 * seed, operand), binding 1 the results; `const WORKGROUP`; invocations are numbered row by row.
 */
const PARAMS = 0;
export const CHAIN_RESULTS = 1;

/** One dispatch. */
export interface ChainRun {
  /** How many results are computed: one for an invocation, unless the design says otherwise. */
  count: number;
  /** Turns of the shader's loop. */
  iterations: number;
  /** 32 bits: tells the start of every chain. */
  seed: number;
  /** 32 bits, by the design's own meaning. */
  operand: number;
  variant: Variant;
}

/** What tells one of these kernels from another. */
export interface ChainDesign {
  name: string;
  unit: RateUnit;
  purpose: string;
  shader: string;
  /** Its own resource: one unit of the rate takes one of it. */
  measures: Resource;
  lacks: (adapter: AdapterDescription) => string | undefined;
  variants: (adapter: AdapterDescription) => readonly [Variant, ...Variant[]];
  /** Counted operations behind one result, of one turn of the loop. */
  operationsPerIteration: (variant: Variant) => number;
  wordsPerResult: (variant: Variant) => number;
  /** Invocations that compute a result together; 1 where absent. */
  invocationsPerResult?: ((variant: Variant) => number) | undefined;
  operand: (random: Random) => number;
  /** Of one dispatch, by scale; fewer where a buffer cannot hold the results. */
  sizes: Readonly<Record<Scale, Pick<ChainRun, "count" | "iterations">>>;
  /** What is wrong with the words of one result, in words for people; undefined if nothing is. */
  findWrong: (run: ChainRun, result: number, words: Uint32Array) => string | undefined;
}

export const WORKGROUP_SIZES = [256, 128, 64] as const;

/** Workgroup sizes that the adapter takes, each with the given constants; the first is the guess. */
export function chainVariants(
  adapter: AdapterDescription,
  others: readonly Variant[],
): readonly [Variant, ...Variant[]] {
  return workgroupVariants(adapter, WORKGROUP_SIZES, others);
}

export function chainJob(design: ChainDesign, code: string, run: ChainRun): KernelJob {
  const workgroup = run.variant["WORKGROUP"] ?? Number.NaN;
  const invocations = run.count * (design.invocationsPerResult?.(run.variant) ?? 1);
  const params = Uint32Array.of(run.count, run.iterations, run.seed, run.operand);
  return {
    label: design.name,
    code,
    entryPoint: "chain",
    workgroups: gridOf(Math.ceil(invocations / workgroup)),
    buffers: [
      uniformBlock(PARAMS, params),
      {
        binding: CHAIN_RESULTS,
        kind: "read-write",
        sizeBytes: resultBytes(design, run.variant) * run.count,
        fill: POISON,
      },
    ],
  };
}

/** The kernel of a design: its rate is the ceiling of the resource that it measures. */
export function chainKernel(design: ChainDesign): Kernel {
  const { name, unit, purpose, shader, measures, variants } = design;
  const cost: Cost = { [measures]: 1 };
  return {
    name,
    family: "alu",
    unit,
    purpose,
    shader,
    cost,
    measures,
    lacks: (adapter) => design.lacks(adapter) ?? lacksWorkgroup(adapter, WORKGROUP_SIZES),
    variants,
    verify: (device, build, random) => verify(design, device, build, random),
    workload: ({ build, scale, adapter, random }) =>
      workload(design, build, scale, adapter, random),
  };
}

const CHECKED_RESULTS = 32;

function workload(
  design: ChainDesign,
  { code, variant }: Build,
  scale: Scale,
  adapter: AdapterDescription,
  random: Random,
): Workload {
  const { count, iterations } = design.sizes[scale];
  const stride = resultBytes(design, variant);
  const room = Math.floor(storageBytes(adapter) / stride);
  const run = { ...randomRun(design, variant, random), count: Math.min(count, room), iterations };
  return {
    job: chainJob(design, code, run),
    workPerDispatch: run.count * iterations * design.operationsPerIteration(variant),
    check: async (read) => {
      for (let i = 0; i < CHECKED_RESULTS; i++) {
        const result = i === 0 ? run.count - 1 : randomInt(random, run.count);
        const range = { offsetBytes: result * stride, sizeBytes: stride };
        refuse(design, run, result, asWords(await read(CHAIN_RESULTS, range)));
      }
    },
  };
}

async function verify(
  design: ChainDesign,
  device: ProbeDevice,
  { code, variant }: Build,
  random: Random,
): Promise<void> {
  const group = (variant["WORKGROUP"] ?? 1) / (design.invocationsPerResult?.(variant) ?? 1);
  const cases = [
    { count: 0, iterations: 1 },
    { count: 1, iterations: 0 },
    { count: group - 1, iterations: 1 },
    { count: group * 3 + 1, iterations: 2 },
    { count: 1 + randomInt(random, 4 * group), iterations: 1 + randomInt(random, 7) },
  ];
  for (const size of cases) {
    const run = { ...randomRun(design, variant, random), ...size };
    await verifyRun(design, device, code, run);
  }
}

async function verifyRun(
  design: ChainDesign,
  device: ProbeDevice,
  code: string,
  run: ChainRun,
): Promise<void> {
  const job = withCanary(inRows(chainJob(design, code, run), 2), [CHAIN_RESULTS]);
  const [bytes = new Uint8Array()] = await runOnce(device, job, [CHAIN_RESULTS]);
  const stride = design.wordsPerResult(run.variant);
  const words = asWords(withoutCanary(design.name, bytes, 4 * stride * run.count));
  for (let i = 0; i < run.count; i++) {
    refuse(design, run, i, words.subarray(i * stride, (i + 1) * stride));
  }
}

function refuse(design: ChainDesign, run: ChainRun, result: number, words: Uint32Array): void {
  const wrong = design.findWrong(run, result, words);
  if (wrong) throw wrongResult(design.name, `result ${result} of ${run.count}: ${wrong}`);
}

function randomRun(
  design: ChainDesign,
  variant: Variant,
  random: Random,
): Pick<ChainRun, "seed" | "operand" | "variant"> {
  return { seed: randomInt(random, 2 ** 32), operand: design.operand(random), variant };
}

function resultBytes(design: ChainDesign, variant: Variant): number {
  return 4 * design.wordsPerResult(variant);
}
