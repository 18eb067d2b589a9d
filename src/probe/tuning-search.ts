import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { ProbeDevice } from "./device.ts";
import type { Kernel, Random, Workload } from "./kernels/kernel.ts";
import { type Build, buildOf, type Variant } from "./kernels/variant.ts";
import { median } from "./statistics.ts";

/** One shape that a search looked at. */
export interface Tried {
  variant: Variant;
  /** Median; absent where none was measured. */
  ratePerSecond?: number | undefined;
  /** Why it is out of the question, or was not tried, safe to show; absent where its rate decided. */
  problem?: string | undefined;
}

export interface Tuned {
  build: Build;
  /** In the kernel's order; empty where there was nothing to choose. */
  tried: readonly Tried[];
  /** False where the time was up before every shape had been tried. */
  complete: boolean;
}

export interface TuneOptions {
  random: Random;
  /** Seconds that only go forward. */
  now: () => number;
  /** No shape is begun and no round after the first is run beyond it. */
  budgetSeconds: number;
  signal?: AbortSignal | undefined;
}

const ROUNDS = 5;
/** Of one measured launch: enough to be timed, short enough to be stopped after. */
const LAUNCH_SECONDS = 0.03;
const MAX_DISPATCHES = 4096;
/** Below this share of the best after the first round a shape has no chance: noise is not as large. */
const CLEARLY_WORSE = 0.75;
/** Buffers beyond this are not held for several shapes at once: tables can be as large as a GPU. */
const TOGETHER_BYTES = 2 ** 29;

/**
 * Verifies and measures each of the kernel's variants on this adapter in short launches, round by
 * round, so that a change of clocks meets all of them alike. A variant that the device refuses or
 * computes wrongly is left out and told.
 * @throws AssayError of the first variant (`probe/refused`, `probe/wrong-result`) where none works;
 * `probe/crashed` when the device process dies; the signal's reason when aborted
 */
export async function tune(
  device: ProbeDevice,
  kernel: Kernel,
  code: string,
  options: TuneOptions,
): Promise<Tuned> {
  const [first, ...others] = kernel.variants(device.adapter);
  if (others.length === 0) return { build: buildOf(code, first), tried: [], complete: true };
  const search = new Search(device, kernel, options);
  const candidates = [first, ...others].map((variant) => new Candidate(buildOf(code, variant)));
  const complete = await search.run(candidates);
  const working = candidates.filter(({ error }) => error === undefined);
  const best = fastest(working) ?? working.find(({ verified }) => verified);
  if (!best)
    throw candidates[0]?.error ?? new AssayError("probe/refused", `${kernel.name}: no try`);
  return { build: best.build, tried: candidates.map((candidate) => candidate.told), complete };
}

/** What the search knows of one shape. */
class Candidate {
  readonly build: Build;
  readonly rates: number[] = [];
  verified = false;
  error: AssayError | undefined;

  constructor(build: Build) {
    this.build = build;
  }

  get rate(): number | undefined {
    return median(this.rates);
  }

  get told(): Tried {
    const { variant } = this.build;
    if (this.error) return { variant, problem: sanitize(this.error.message) };
    if (!this.verified) return { variant, problem: "not tried: the time for the search was up" };
    if (this.rate === undefined) return { variant, problem: "no launch could be timed" };
    return { variant, ratePerSecond: this.rate };
  }
}

/** A shape that is on the device. */
interface Prepared {
  candidate: Candidate;
  handle: number;
  workload: Workload;
  secondsPerDispatch: number;
}

class Search {
  readonly #device: ProbeDevice;
  readonly #kernel: Kernel;
  readonly #options: TuneOptions;
  readonly #endsAt: number;
  /** Highest rate of any first round so far. */
  #bestFirst = 0;

  constructor(device: ProbeDevice, kernel: Kernel, options: TuneOptions) {
    this.#device = device;
    this.#kernel = kernel;
    this.#options = options;
    this.#endsAt = options.now() + options.budgetSeconds;
  }

  /** Whether every candidate had its turn. One that works is found however short the time. */
  async run(candidates: readonly Candidate[]): Promise<boolean> {
    const waiting = [...candidates];
    while (waiting.length > 0) {
      const found = candidates.some(({ verified, error }) => verified && !error);
      if (found && this.#timeIsUp()) return false;
      const batch: Prepared[] = [];
      try {
        await this.#fill(batch, waiting);
        await this.#measure(batch);
        await this.#check(batch);
      } finally {
        // A device that is gone has nothing to release, and what went wrong before matters more.
        for (const { handle } of batch) await this.#device.release(handle).catch(() => undefined);
      }
    }
    return true;
  }

  /** Verifies and prepares candidates until their buffers are many, or the time is up. */
  async #fill(batch: Prepared[], waiting: Candidate[]): Promise<void> {
    while (batch.length === 0 || (bytesOf(batch) < TOGETHER_BYTES && !this.#timeIsUp())) {
      const candidate = waiting.shift();
      if (!candidate) return;
      await this.#attempt(candidate, async () => {
        const prepared = await this.#prepare(candidate);
        batch.push(prepared);
        // Not counted: it pays for cold caches, clocks and the driver's own first-time work.
        await this.#launch(prepared);
      });
    }
  }

  async #prepare(candidate: Candidate): Promise<Prepared> {
    const { adapter } = this.#device;
    const { random } = this.#options;
    const { build } = candidate;
    await this.#kernel.verify(this.#device, build, random);
    candidate.verified = true;
    const scale = adapter.software ? "software" : "gpu";
    const workload = this.#kernel.workload({ build, scale, adapter, random });
    const handle = await this.#device.prepare(workload.job);
    return { candidate, handle, workload, secondsPerDispatch: LAUNCH_SECONDS };
  }

  async #measure(batch: readonly Prepared[]): Promise<void> {
    let running = batch.filter(({ candidate }) => !candidate.error);
    for (let round = 0; round < ROUNDS; round++) {
      // The first round is run to the end: what is ready gets its rate.
      if (round > 0 && (running.length === 1 || this.#timeIsUp())) return;
      for (const prepared of running) {
        const { candidate } = prepared;
        await this.#attempt(candidate, async () => {
          const rate = await this.#launch(prepared);
          if (rate !== undefined) candidate.rates.push(rate);
        });
      }
      if (round === 0) {
        this.#bestFirst = Math.max(this.#bestFirst, ...running.map(firstRate));
        const least = CLEARLY_WORSE * this.#bestFirst;
        running = running.filter((prepared) => firstRate(prepared) >= least);
      }
      running = running.filter(({ candidate }) => !candidate.error);
    }
  }

  /** In the kernel's unit; undefined where the launch took no time that could be told. */
  async #launch(prepared: Prepared): Promise<number | undefined> {
    const { handle, workload, secondsPerDispatch } = prepared;
    const wanted = Math.round(LAUNCH_SECONDS / secondsPerDispatch);
    const dispatches = Math.min(Math.max(1, wanted), MAX_DISPATCHES);
    const expected = secondsPerDispatch * dispatches;
    const { gpuSeconds, wallSeconds } = await this.#device.launch(handle, dispatches, expected);
    const seconds = gpuSeconds ?? wallSeconds;
    if (!(seconds > 0)) return undefined;
    prepared.secondsPerDispatch = seconds / dispatches;
    return (dispatches * workload.workPerDispatch) / seconds;
  }

  /** The one that would be chosen is proven on the work that was measured, not only on small cases. */
  async #check(batch: readonly Prepared[]): Promise<void> {
    while (true) {
      const best = fastest(batch.map(({ candidate }) => candidate));
      const prepared = batch.find(({ candidate }) => candidate === best);
      if (!best || !prepared) return;
      await this.#attempt(best, () =>
        prepared.workload.check((binding, range) =>
          this.#device.read(prepared.handle, binding, range),
        ),
      );
      if (!best.error) return;
    }
  }

  /** What the device refuses or computes wrongly speaks against one shape; all else ends the search. */
  async #attempt(candidate: Candidate, action: () => Promise<void>): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      await action();
    } catch (error) {
      if (!(error instanceof AssayError) || !AGAINST_A_SHAPE.has(error.code)) throw error;
      candidate.error = error;
    }
  }

  #timeIsUp(): boolean {
    return this.#options.now() >= this.#endsAt;
  }
}

const AGAINST_A_SHAPE: ReadonlySet<string> = new Set(["probe/refused", "probe/wrong-result"]);

function bytesOf(batch: readonly Prepared[]): number {
  const sizes = batch.flatMap(({ workload }) =>
    workload.job.buffers.map((buffer) => buffer.sizeBytes),
  );
  return sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}

function firstRate({ candidate }: Prepared): number {
  return candidate.rates[0] ?? 0;
}

/** Of those that were measured and have nothing against them; of equals the one that comes first. */
function fastest(candidates: readonly Candidate[]): Candidate | undefined {
  const measured = candidates.filter(({ error, rate }) => !error && rate !== undefined);
  return measured.reduce<Candidate | undefined>(
    (best, next) => ((next.rate ?? 0) > (best?.rate ?? 0) ? next : best),
    undefined,
  );
}
