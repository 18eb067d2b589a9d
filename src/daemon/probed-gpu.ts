import { activityOf } from "../attribute/intervals.ts";
import type { GpuInfo, GpuSample } from "../model/sample.ts";
import { ProbeBaselines } from "../probe/probe-baselines.ts";
import type { ProbeSession } from "../probe/probe-run.ts";
import { type DeviceSituation, ProbeBudget } from "../probe/schedule.ts";

/** A pause between two steps of a training is no rest. */
const IDLE_FOR_MS = 10_000;
/** A device that has told nothing for longer is one nobody knows anything of. */
const STALE_INTERVALS = 3;
const STALE_MS = 5000;
/** A doubt holds so long unless it is told again: a window and a half. */
const DOUBT_HOLD_MS = 15_000;

/** Why nothing was launched although it was time. */
export type Refusal =
  | "budget"
  | "busy"
  | "unknown-state"
  | "no-device"
  | "software"
  | "failed"
  | "calibration";

/** One device as the probes see it. All times but `told` are of a clock that only goes forward. */
export class ProbedGpu {
  gpu: GpuInfo;
  intervalMs: number;
  readonly budget: ProbeBudget;
  readonly baselines = new ProbeBaselines();
  readonly refusals = new Map<Refusal, number>();
  session: ProbeSession | undefined;
  /** At most one launch at a time, the opening of the device included. */
  running: Promise<void> | undefined;
  runs = 0;
  gpuSeconds = 0;
  lastRoundMs: number | undefined;
  left: readonly string[] = [];
  private lastRefusal: Refusal | undefined;
  private sampledMs: number | undefined;
  private isBusy: boolean | undefined;
  private idleSinceMs: number | undefined;
  private doubtUntilMs = Number.NEGATIVE_INFINITY;
  private incidentUntilMs = Number.NEGATIVE_INFINITY;

  constructor(gpu: GpuInfo, intervalMs: number, budgetShare: number) {
    this.gpu = gpu;
    this.intervalMs = intervalMs;
    this.budget = new ProbeBudget(budgetShare);
  }

  sample(sample: GpuSample, idleBelowUtil: number, nowMs: number): void {
    const activity = activityOf(sample, idleBelowUtil);
    this.isBusy = activity === "unknown" ? undefined : activity === "busy";
    if (activity !== "idle" || this.isStale(nowMs)) this.idleSinceMs = undefined;
    if (activity === "idle") this.idleSinceMs ??= nowMs;
    this.sampledMs = nowMs;
  }

  doubted(nowMs: number): void {
    this.doubtUntilMs = nowMs + DOUBT_HOLD_MS;
  }

  incidentPending(nowMs: number): void {
    this.incidentUntilMs = nowMs + DOUBT_HOLD_MS;
  }

  state(nowMs: number): DeviceSituation["state"] {
    if (this.isStale(nowMs)) return "unknown";
    if (this.isBusy) return "busy";
    const { idleSinceMs } = this;
    return idleSinceMs !== undefined && nowMs - idleSinceMs >= IDLE_FOR_MS ? "idle" : "unknown";
  }

  /** @param candidates what a round is made of while the device was never opened */
  situation(candidates: readonly string[], nowMs: number): DeviceSituation {
    const kernels = this.session?.kernels ?? candidates;
    return {
      state: this.state(nowMs),
      doubt: nowMs < this.doubtUntilMs,
      incidentPending: nowMs < this.incidentUntilMs,
      lastRoundMs: this.lastRoundMs,
      left: this.left,
      kernels,
      needsBaseline: !kernels.every((kernel) => this.baselines.has(kernel)),
    };
  }

  /** Counted once, not at every tick that it lasts. */
  refuse(refusal: Refusal | undefined): void {
    if (refusal !== undefined && refusal !== this.lastRefusal)
      this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
    this.lastRefusal = refusal;
  }

  /** What a launch took, whoever's clock says so. */
  charge(nowMs: number, seconds: number): void {
    this.budget.charge(nowMs, seconds);
    this.gpuSeconds += seconds;
  }

  private isStale(nowMs: number): boolean {
    const limitMs = Math.max(STALE_MS, STALE_INTERVALS * this.intervalMs);
    return this.sampledMs === undefined || nowMs - this.sampledMs > limitMs;
  }
}
