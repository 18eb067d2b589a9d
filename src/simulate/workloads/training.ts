import { type Action, Meeting, type Program, type Surroundings } from "../program.ts";
import { exponential, streamOf } from "../random.ts";
import { ADAM, allReduce, pass, type Precision } from "./model-kernels.ts";
import { type Plan, type Stage, slowest } from "./plan.ts";

export interface TrainingSpec {
  parameters: number;
  precision: Precision;
  /** Seconds of a step with all that belongs to it; else `tokens` says how much is in it. */
  step?: number | undefined;
  tokens?: number | undefined;
  /** Passes before gradients are exchanged and applied. */
  accumulate: number;
  checkpoint?: { every: number; length: number } | undefined;
  /** The loader is late by `gap` seconds on average, once in `every` steps. */
  loader?: { gap: number; every: number; bytes: number } | undefined;
  /** The optimiser's state lives in the host's memory and is applied there. */
  offload: boolean;
}

/** Bytes a parameter: weights, gradients, two moments and master weights, and some activations. */
const STATE_BYTES = 18;
const OFFLOADED_BYTES = 5;
/** Of activations kept for the backward pass, for each parameter and token. */
const ACTIVATION_BYTES = 1.5e-4;
/** Of one step against the next, alike on all ranks: sequences differ in length. */
const STEP_SPREAD = 0.04;
/** Of one rank against the others. */
const RANK_SPREAD = 0.02;
/** A host applies its optimiser at the speed of its own memory. */
const HOST_BYTES_PER_SECOND = 80e9;
const PCIE_EFFICIENCY = 0.8;

/** Gradient training, data-parallel where it has several devices. */
export function trainingPlan(spec: TrainingSpec, stage: Stage): Plan {
  const { parameters, accumulate, offload } = spec;
  const ranks = stage.devices.length;
  const job = new Job(spec, stage);
  const state = offload ? OFFLOADED_BYTES : STATE_BYTES;
  const variant = [
    spec.precision,
    ranks > 1 ? "data-parallel" : "single",
    ...(accumulate > 1 ? ["accumulating"] : []),
    ...(offload ? ["offloading"] : []),
  ].join("-");
  return {
    label: "training-like",
    variant: `training-${variant}`,
    memoryBytes: parameters * (state + job.tokens * ACTIVATION_BYTES),
    start: () => {
      const run = new Job(spec, stage);
      return (rank, surroundings) => run.rank(rank, surroundings);
    },
  };
}

/** What the ranks of a job have in common. */
class Job {
  readonly tokens: number;
  readonly #spec: TrainingSpec;
  readonly #stage: Stage;
  readonly #forward;
  readonly #backward;
  readonly #exchange;
  readonly #gradients: Meeting;
  readonly #checkpoint: Meeting;
  readonly #hostSeconds: { out: number; apply: number; back: number };

  constructor(spec: TrainingSpec, stage: Stage) {
    this.#spec = spec;
    this.#stage = stage;
    const ranks = stage.devices.length;
    this.#forward = pass("forward", spec.precision);
    this.#backward = pass("backward", spec.precision);
    const overNvlink = stage.devices.every(({ model }) => model.peaks.nvlinkRx > 0);
    this.#exchange = allReduce(ranks, overNvlink);
    this.#gradients = new Meeting(ranks);
    this.#checkpoint = new Meeting(ranks);
    const pcie = Math.min(...stage.devices.map(({ model }) => model.peaks.pcieRx));
    const copy = (spec.parameters * 2) / (pcie * PCIE_EFFICIENCY);
    const apply = (spec.parameters * STATE_BYTES) / HOST_BYTES_PER_SECOND;
    this.#hostSeconds = { out: copy, apply, back: copy };
    this.tokens = spec.tokens ?? this.#tokensOf(spec.step ?? 1);
  }

  *rank(rank: number, { random }: Surroundings): Program {
    const { parameters, accumulate, checkpoint, loader } = this.#spec;
    for (let step = 1; ; step += 1) {
      // Not longer on average than it was planned: half of the steps are shorter.
      const size = 1 + STEP_SPREAD * (streamOf(this.#stage.seed, step)() * 2 - 1);
      const pace = 1 - RANK_SPREAD * random();
      if (loader && step % loader.every === 0)
        yield* fetch(exponential(random) * loader.gap, loader.bytes);
      const units = parameters * this.tokens * size;
      for (let i = 0; i < accumulate; i += 1) {
        yield { do: "run", work: this.#forward, units, pace };
        yield { do: "run", work: this.#backward, units, pace };
      }
      yield* this.#apply();
      if (!checkpoint || step % checkpoint.every !== 0) continue;
      // The first rank writes; the others are in a collective by then, and spin.
      if (rank === 0) yield write(parameters * STATE_BYTES, checkpoint.length);
      if (this.#ranks > 1) yield { do: "meet", at: this.#checkpoint };
    }
  }

  get #ranks(): number {
    return this.#stage.devices.length;
  }

  *#apply(): Program {
    const { parameters, offload } = this.#spec;
    if (this.#ranks > 1) {
      yield { do: "meet", at: this.#gradients };
      yield { do: "run", work: this.#exchange, units: parameters * 2 };
    }
    if (!offload) {
      yield { do: "run", work: ADAM, units: parameters };
      return;
    }
    const { out, apply, back } = this.#hostSeconds;
    yield { do: "wait", seconds: out, tx: (parameters * 2) / out };
    yield { do: "wait", seconds: apply };
    yield { do: "wait", seconds: back, rx: (parameters * 2) / back };
  }

  /** How many tokens make a step of so many seconds. */
  #tokensOf(step: number): number {
    const { parameters, accumulate, offload, loader } = this.#spec;
    const { devices } = this.#stage;
    const { out, apply, back } = this.#hostSeconds;
    let fixed = offload ? out + apply + back : slowest(ADAM, devices) * parameters;
    if (devices.length > 1) fixed += slowest(this.#exchange, devices) * parameters * 2;
    if (loader) fixed += loader.gap / loader.every;
    const each = slowest(this.#forward, devices) + slowest(this.#backward, devices);
    const tokens = Math.floor((step - fixed) / (each * parameters * accumulate));
    if (tokens >= 1) return tokens;
    const least = Math.ceil((fixed + each * parameters * accumulate) * 1000);
    return this.#stage.refuse(
      "step",
      `a step of ${step} s has no room for a token`,
      `this model needs ${least} ms at least on these devices: a longer step, or fewer parameters`,
    );
  }
}

function* fetch(seconds: number, bytes: number): Program {
  if (seconds > 0) yield { do: "wait", seconds, rx: bytes / seconds };
}

function write(bytes: number, seconds: number): Action {
  return { do: "wait", seconds, tx: bytes / seconds };
}
