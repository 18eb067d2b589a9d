import { type Kernel, only, type Work } from "../kernel.ts";
import type { Program, Surroundings } from "../program.ts";
import { exponential } from "../random.ts";
import { gemm, pointwise } from "./model-kernels.ts";
import type { Plan } from "./plan.ts";

export const SERVING = ["decode", "prefill", "steady", "diffusion", "cnn"] as const;

export interface InferenceSpec {
  serving: (typeof SERVING)[number];
  parameters: number;
  /** Of each device: requests that come without regard to one another. */
  requestsPerSecond: number;
  promptTokens: number;
  outputTokens: number;
  maxBatch: number;
  /** Demand falls to `quiet` of its height and rises again, once in `period` seconds. */
  bursts?: { period: number; quiet: number } | undefined;
}

const CACHE_BYTES_PER_TOKEN = 160e3;
/** Between two steps the host picks tokens and builds the next batch. */
const STEP_GAP_SECONDS = 4e-4;
const DIFFUSION_STEPS = 30;
const CNN_BATCH = 32;
const IMAGE_BYTES = 224 * 224 * 3;

/** Serving: every device is a replica of its own, with requests of its own. */
export function inferencePlan(spec: InferenceSpec): Plan {
  const { serving, parameters } = spec;
  const cache = spec.maxBatch * (spec.promptTokens + spec.outputTokens) * CACHE_BYTES_PER_TOKEN;
  const tokens = serving === "diffusion" || serving === "cnn" ? 0 : cache;
  return {
    label: "inference-like",
    variant: `inference-${serving}`,
    memoryBytes: parameters * 2 + tokens,
    start: () => (_rank, surroundings) => programOf(spec, surroundings),
  };
}

function programOf(spec: InferenceSpec, surroundings: Surroundings): Program {
  if (spec.serving === "diffusion") return diffusion(spec, surroundings);
  if (spec.serving === "cnn") return images(spec, surroundings);
  return language(spec, surroundings);
}

/** Continuous batching: prompts as they come, then a token for everybody, again and again. */
function* language(spec: InferenceSpec, surroundings: Surroundings): Program {
  const { parameters, promptTokens, outputTokens, maxBatch, serving } = spec;
  const { random, now } = surroundings;
  const context = promptTokens + outputTokens / 2;
  const steps = Array.from({ length: maxBatch }, (_, i) => decodeStep(parameters, i + 1, context));
  const prefill = promptPass(parameters);
  const arrivals = new Arrivals(spec, surroundings);
  let waiting = 0;
  let active: number[] = [];
  for (;;) {
    waiting += arrivals.until(now());
    if (serving === "steady") waiting = maxBatch;
    if (waiting === 0 && active.length === 0) {
      yield { do: "until", second: arrivals.next };
      continue;
    }
    const admitted = Math.min(waiting, maxBatch - active.length);
    waiting -= admitted;
    if (admitted > 0) {
      const units = admitted * promptTokens * (0.5 + random());
      yield { do: "run", work: prefill, units };
      for (let i = 0; i < admitted; i += 1)
        active.push(Math.ceil(outputTokens * exponential(random)));
    }
    const step = steps[active.length - 1];
    if (step) yield { do: "run", work: step, units: 1 };
    active = active.map((left) => left - 1).filter((left) => left > 0);
  }
}

/** Denoising steps, a decoder at the end, and a moment until the next picture is asked for. */
function* diffusion(spec: InferenceSpec, surroundings: Surroundings): Program {
  const { parameters } = spec;
  const { now } = surroundings;
  const denoise: Work = {
    parts: [
      { kernel: { ...gemm("conv_unet", 2), smShare: 0.95 }, units: 0.8 },
      { kernel: gemm("attention_unet", 2), units: 0.2 },
      { kernel: pointwise("group_norm", 0.006), units: 1 },
    ],
  };
  const decoder = only(pointwise("vae_upsample", 1));
  const arrivals = new Arrivals(spec, surroundings);
  let waiting = 0;
  for (;;) {
    waiting += arrivals.until(now());
    if (waiting === 0) {
      yield { do: "until", second: arrivals.next };
      continue;
    }
    waiting -= 1;
    for (let step = 0; step < DIFFUSION_STEPS; step += 1) {
      yield { do: "run", work: denoise, units: parameters * 4096 };
      yield { do: "wait", seconds: 0.002 };
    }
    yield { do: "run", work: decoder, units: 6e9 };
    yield { do: "wait", seconds: 0.03, tx: 100e6 };
  }
}

/** Pictures in batches: small kernels, and every batch comes over PCIe. */
function* images(spec: InferenceSpec, surroundings: Surroundings): Program {
  const { parameters } = spec;
  const { now } = surroundings;
  const conv = { ...gemm("conv_fprop", 2), smShare: 0.7, occupancy: 0.3, efficiency: 0.5 };
  // A convolution uses each weight some 150 times a picture.
  const batch: Work = {
    parts: [
      { kernel: conv, units: parameters * CNN_BATCH * 150 },
      { kernel: pointwise("relu_pool", 30e6), units: CNN_BATCH },
      { gapSeconds: 3e-4 },
    ],
  };
  const arrivals = new Arrivals(spec, surroundings);
  let waiting = 0;
  for (;;) {
    waiting += arrivals.until(now());
    if (waiting === 0) {
      yield { do: "until", second: arrivals.next };
      continue;
    }
    const batches = Math.ceil(waiting / CNN_BATCH);
    waiting = 0;
    const seconds = 5e-4 * batches;
    yield { do: "wait", seconds, rx: (batches * CNN_BATCH * IMAGE_BYTES) / seconds };
    yield { do: "run", work: batch, units: batches };
  }
}

function promptPass(parameters: number): Work {
  return {
    parts: [
      { kernel: gemm("gemm_prefill", 2 * parameters), units: 0.92 },
      { kernel: gemm("flash_prefill", 2 * parameters), units: 0.08 },
      { kernel: pointwise("rms_norm", 0.002 * parameters), units: 1 },
    ],
  };
}

/** One token for each of a batch: all weights are read, and every request's cache. */
function decodeStep(parameters: number, batch: number, context: number): Work {
  const weights: Kernel = {
    name: "gemv_decode",
    work: {
      dram: 2 * parameters,
      tensor16: 2 * parameters * batch,
      int32: parameters / 8,
      fp32: parameters / 16,
    },
    smShare: 0.75,
    occupancy: 0.15,
    efficiency: 0.85,
    launch: { seconds: 5e-5, grid: [528, 1, 1], block: [128, 1, 1] },
  };
  const cache: Kernel = {
    name: "paged_attention",
    work: {
      dram: CACHE_BYTES_PER_TOKEN * context,
      tensor16: CACHE_BYTES_PER_TOKEN * context,
      int32: (CACHE_BYTES_PER_TOKEN * context) / 16,
    },
    smShare: 0.6,
    occupancy: 0.25,
    efficiency: 0.8,
    launch: { seconds: 4e-5, grid: [batch * 8, 1, 1], block: [128, 1, 1] },
  };
  return {
    parts: [
      { kernel: weights, units: 1 },
      { kernel: cache, units: batch },
      { gapSeconds: STEP_GAP_SECONDS },
    ],
  };
}

/** Requests of a Poisson process whose rate may rise and fall: candidates at the highest, thinned. */
class Arrivals {
  /** Seconds since the recording's start, of the next that comes. */
  next: number;
  readonly #spec: Pick<InferenceSpec, "requestsPerSecond" | "bursts">;
  readonly #random: () => number;

  constructor(
    spec: Pick<InferenceSpec, "requestsPerSecond" | "bursts">,
    { now, random }: Surroundings,
  ) {
    this.#spec = spec;
    this.#random = random;
    this.next = now();
    this.#advance();
  }

  /** How many have come by `second`. */
  until(second: number): number {
    let count = 0;
    while (this.next <= second) {
      count += 1;
      this.#advance();
    }
    return count;
  }

  #advance(): void {
    do this.next += exponential(this.#random) / this.#spec.requestsPerSecond;
    while (this.#random() >= this.#demandAt(this.next));
  }

  /** 1 at the height of a burst, `quiet` half a period later, a straight line between. */
  #demandAt(second: number): number {
    const { bursts } = this.#spec;
    if (!bursts) return 1;
    const triangle = Math.abs(((second / bursts.period) % 1) * 2 - 1);
    return bursts.quiet + (1 - bursts.quiet) * triangle;
  }
}
