import type { ProbeReading } from "../export/health.ts";
import { AssayError } from "../model/errors.ts";
import type {
  NodeObservation,
  Observation,
  ObservationSource,
  ProbeObservation,
} from "../model/observation.ts";
import { observationOf, type ProbeMeasure } from "../probe/probe-measure.ts";
import { ProbeSession, type ProbeSessionOptions } from "../probe/probe-run.ts";
import { decide, type ScheduleSettings } from "../probe/schedule.ts";
import type { ProbeState, ProbeSupervisor } from "../probe/supervisor.ts";
import { ProbedGpu } from "./probed-gpu.ts";

export interface ProbeLoopSettings extends ScheduleSettings {
  /** The share of a device's time that probes may take, 0..1. */
  budget: number;
  /** Below this utilisation a device counts as idle. */
  idleBelowUtil: number;
  /** Take a CPU that plays GPU for a GPU of the node. Only tests do: it is never a GPU's figure. */
  allowSoftware?: boolean | undefined;
}

export interface ProbeLoopDeps extends ProbeSessionOptions {
  devices: Pick<ProbeSupervisor, "acquire" | "failed" | "states">;
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  /** The state of a GPU's device process has changed. */
  onState?: ((state: ProbeState) => void) | undefined;
}

/** More than a tick can bring: beyond it a stream that stands still loses the oldest. */
const MAX_WAITING = 1024;

/**
 * Looks at devices with launches of its own. It lives on the ticks of the stream that it listens to
 * and waits for nothing: what a launch has shown is taken from it at a later tick.
 */
export class ProbeLoop {
  private readonly settings: ProbeLoopSettings;
  private readonly deps: ProbeLoopDeps;
  private readonly gpus = new Map<string, ProbedGpu>();
  private readonly done: ProbeObservation[] = [];
  private readonly told = new Map<string, string>();
  private isStopped = false;
  private isPaused = (): boolean => false;

  constructor(settings: ProbeLoopSettings, deps: ProbeLoopDeps) {
    this.settings = settings;
    this.deps = deps;
  }

  observe(observation: Observation): void {
    if (observation.kind === "node") this.describe(observation);
    if (observation.kind === "gpu")
      this.at(observation.gpu)?.sample(observation, this.settings.idleBelowUtil, this.now());
    if (observation.kind === "tick") for (const gpu of this.gpus.values()) this.step(gpu);
  }

  /** The label of a device is unsure, or an incident on it is about to be decided. */
  doubt(gpuUuid: string, isIncident: boolean): void {
    const gpu = this.gpus.get(gpuUuid);
    if (isIncident) gpu?.incidentPending(this.now());
    else gpu?.doubted(this.now());
  }

  /** What has been measured since it was asked last, in the order of its ends. */
  drain(): ProbeObservation[] {
    return this.done.splice(0);
  }

  readings(): ProbeReading[] {
    const states = new Map(this.deps.devices.states().map((state) => [state.gpuUuid, state]));
    return [...this.gpus.values()].map(({ gpu, runs, gpuSeconds, budget, refusals }) => ({
      uuid: gpu.uuid,
      state: states.get(gpu.uuid)?.status ?? "unopened",
      restarts: states.get(gpu.uuid)?.restarts ?? 0,
      runs,
      gpuSeconds,
      debtSeconds: budget.debtSeconds(this.now()),
      refusals: Object.fromEntries(refusals),
    }));
  }

  /** Launches nothing while `isPaused` says so: somebody measures, and we would be in the way. */
  pauseWhile(isPaused: () => boolean): void {
    this.isPaused = isPaused;
  }

  /** Launches nothing any more. */
  stop(): void {
    this.isStopped = true;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all([...this.gpus.values()].map(({ running }) => running));
  }

  private now(): number {
    return this.deps.monotonicMs();
  }

  private at(index: number): ProbedGpu | undefined {
    return [...this.gpus.values()].find(({ gpu }) => gpu.index === index);
  }

  /** A device that stays keeps its debts and its baselines. */
  private describe({ gpus, intervalMs, simulated }: NodeObservation): void {
    const listed = new Map((simulated ? [] : gpus).map((gpu) => [gpu.uuid, gpu]));
    for (const uuid of this.gpus.keys()) if (!listed.has(uuid)) this.gpus.delete(uuid);
    for (const [uuid, gpu] of listed) {
      const known = this.gpus.get(uuid) ?? new ProbedGpu(gpu, intervalMs, this.settings.budget);
      this.gpus.set(uuid, known);
      known.gpu = gpu;
      known.intervalMs = gpu.intervalMs ?? intervalMs;
    }
  }

  private step(gpu: ProbedGpu): void {
    if (this.isStopped || gpu.running) return;
    if (this.isPaused()) {
      gpu.refuse("calibration");
      gpu.left = [];
      return;
    }
    const nowMs = this.now();
    const candidates = this.deps.kernels.map(({ name }) => name);
    const situation = gpu.situation(candidates, nowMs);
    const decision = decide(this.settings, situation, nowMs, gpu.budget.isPaidOff(nowMs));
    if ("wait" in decision) {
      const { wait } = decision;
      // Within a round it is normal to wait for the budget: that is how a round is paid for.
      const isShort = wait === "budget" && gpu.left.length === 0;
      const isRefusal = isShort || wait === "busy" || wait === "unknown-state";
      if (isRefusal || wait === "not-due") gpu.refuse(isRefusal ? wait : undefined);
      // Somebody came: the rest of the round would not be of one state.
      if (wait !== "budget") gpu.left = [];
      return;
    }
    if (decision.beginsRound) gpu.lastRoundMs = nowMs;
    gpu.left = decision.rest;
    gpu.running = this.look(gpu, decision.run).finally(() => {
      gpu.running = undefined;
    });
  }

  /** One launch, and the opening of the device where need be. Never throws what a device may. */
  private async look(gpu: ProbedGpu, wanted: string): Promise<void> {
    const session = await this.sessionOf(gpu);
    if (!session) return;
    const { kernels } = session;
    // The first decision is made before the device says which of the kernels it can run.
    const isKnown = kernels.includes(wanted);
    const name = isKnown ? wanted : kernels[0];
    if (!isKnown) gpu.left = kernels.slice(1);
    else gpu.left = gpu.left.filter((kernel) => kernels.includes(kernel));
    if (name === undefined || this.isStopped) return;
    const wasIdle = gpu.state(this.now()) === "idle";
    const startedMs = this.now();
    try {
      const measure = await session.launch(name);
      gpu.charge(this.now(), measure.durationSeconds);
      this.keep(gpu, session, measure, wasIdle);
    } catch (error) {
      // Of what failed nothing was measured: the wait counts, which is more.
      gpu.charge(this.now(), (this.now() - startedMs) / 1000);
      await this.failed(gpu, session, name, error);
    }
  }

  private async sessionOf(gpu: ProbedGpu): Promise<ProbeSession | undefined> {
    const { devices } = this.deps;
    const { uuid } = gpu.gpu;
    const device = await devices.acquire(uuid);
    this.tellState(uuid);
    const isRefused = device?.adapter.software === true && this.settings.allowSoftware !== true;
    if (!device || isRefused) {
      gpu.refuse(isRefused ? "software" : "no-device");
      gpu.session = undefined;
      gpu.left = [];
      return undefined;
    }
    if (gpu.session?.device !== device) gpu.session = new ProbeSession(device, this.deps);
    return gpu.session;
  }

  private keep(
    gpu: ProbedGpu,
    session: ProbeSession,
    measure: ProbeMeasure,
    wasIdle: boolean,
  ): void {
    gpu.runs += 1;
    gpu.refuse(undefined);
    const at = { atMs: this.deps.nowMs(), gpu: gpu.gpu.index, pid: session.device.pid };
    this.done.push(observationOf(measure, gpu.baselines.of(measure), at));
    if (this.done.length > MAX_WAITING) this.done.shift();
    if (wasIdle) gpu.baselines.note(measure);
  }

  private async failed(
    gpu: ProbedGpu,
    session: ProbeSession,
    kernel: string,
    error: unknown,
  ): Promise<void> {
    gpu.refuse("failed");
    // One kernel that is refused says nothing against the device, nor against the others.
    const isKernels = error instanceof AssayError && error.code === "probe/refused";
    if (isKernels) session.giveUp(kernel);
    else {
      gpu.session = undefined;
      gpu.left = [];
    }
    await this.deps.devices.failed(gpu.gpu.uuid, error);
    this.tellState(gpu.gpu.uuid);
  }

  /** Once for each change. */
  private tellState(uuid: string): void {
    const state = this.deps.devices.states().find(({ gpuUuid }) => gpuUuid === uuid);
    const text = `${state?.status} ${state?.reason}`;
    if (!state || this.told.get(uuid) === text) return;
    this.told.set(uuid, text);
    this.deps.onState?.(state);
  }
}

/**
 * The stream with what the probes see: each result before the tick that ends the moment it was taken
 * from the loop in.
 */
export async function* withProbes(
  source: ObservationSource,
  loop: ProbeLoop,
): AsyncGenerator<Observation> {
  try {
    for await (const observation of source) {
      if (observation.kind === "tick") yield* loop.drain();
      yield observation;
      loop.observe(observation);
    }
    yield* loop.drain();
  } finally {
    loop.stop();
  }
}
