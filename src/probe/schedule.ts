/** When the agent may look at a device with kernels of its own. */
export const PROBE_MODES = ["off", "idle-only", "on-doubt", "interval"] as const;
export type ProbeMode = (typeof PROBE_MODES)[number];

export interface ScheduleSettings {
  mode: ProbeMode;
  /** From one round of probes of a device to its next. */
  intervalMs: number;
}

/** What is known of a device when it might be probed. Times in milliseconds that only go forward. */
export interface DeviceSituation {
  /** `unknown` where nothing measures its activity, or it has not rested for long enough. */
  state: "idle" | "busy" | "unknown";
  /** A label of the device is unsure. */
  doubt: boolean;
  /** An incident on it waits for its decision. */
  incidentPending: boolean;
  /** When its newest round began; undefined before the first. */
  lastRoundMs: number | undefined;
  /** Kernels of a round that has begun and still have to run. */
  left: readonly string[];
  /** What a round is made of, in order. */
  kernels: readonly string[];
  /** Some kernel has no launch on the idle device yet to be compared with. */
  needsBaseline: boolean;
}

/** Why nothing runs now. */
export const WAIT_REASONS = [
  /** The mode says so, or there is no kernel. */
  "off",
  /** The last round is not long enough ago. */
  "not-due",
  /** Nothing is in doubt on the device. */
  "no-doubt",
  /** Somebody works on it, and the mode leaves it alone then. */
  "busy",
  /** Whether somebody works on it is not known. */
  "unknown-state",
  /** What was measured of earlier launches is not paid off. */
  "budget",
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

/** The kernel to launch now, and those of its round that come after it; or why none. */
export type Decision =
  | { run: string; rest: readonly string[]; beginsRound: boolean }
  | { wait: WaitReason };

/** A doubt is looked at once a window: more would say the same again. */
const DOUBT_INTERVAL_MS = 10_000;

/**
 * One launch at a time, each only when the one before is paid off: a round stretches over as many
 * moments as its kernels cost. A round that has begun ends early where the device's state no longer
 * allows it.
 */
export function decide(
  settings: ScheduleSettings,
  situation: DeviceSituation,
  nowMs: number,
  isPaidOff: boolean,
): Decision {
  const { left, kernels } = situation;
  const [first] = kernels;
  if (settings.mode === "off" || first === undefined) return { wait: "off" };
  const refusal = refusalOf(settings, situation, nowMs);
  if (refusal !== undefined) return { wait: refusal };
  if (!isPaidOff) return { wait: "budget" };
  const [next = first, ...rest] = left.length > 0 ? left : kernels;
  return { run: next, rest, beginsRound: left.length === 0 };
}

function refusalOf(
  { mode, intervalMs }: ScheduleSettings,
  situation: DeviceSituation,
  nowMs: number,
): WaitReason | undefined {
  const { state, doubt, incidentPending, lastRoundMs, left, needsBaseline } = situation;
  const sinceMs = lastRoundMs === undefined ? Infinity : nowMs - lastRoundMs;
  const due = (everyMs: number): boolean => left.length > 0 || sinceMs >= everyMs;
  switch (mode) {
    case "off":
      return "off";
    case "interval":
      return due(intervalMs) ? undefined : "not-due";
    case "idle-only":
      return due(intervalMs) ? notIdle(state) : "not-due";
    case "on-doubt":
      if (doubt || incidentPending)
        return due(Math.min(intervalMs, DOUBT_INTERVAL_MS)) ? undefined : "not-due";
      // A slow-down is told against the idle device: without that a doubt is looked at in vain.
      if (needsBaseline) return due(intervalMs) ? notIdle(state) : "not-due";
      return "no-doubt";
  }
}

function notIdle(state: DeviceSituation["state"]): WaitReason | undefined {
  if (state === "idle") return undefined;
  return state === "busy" ? "busy" : "unknown-state";
}

/**
 * What probes may take of one device, as a bucket that is never more than empty: time fills it, what
 * a launch was measured to take is taken out afterwards, and nothing is launched below zero. So over
 * any stretch of time
 *
 *     measured use  <=  share x stretch + one launch
 *
 * and a launch that took longer than expected holds back the next one for that much longer.
 */
export class ProbeBudget {
  readonly #share: number;
  #debtSeconds = 0;
  #atMs: number | undefined;

  /** @param share of all time, 0..1; at 0 nothing is ever launched */
  constructor(share: number) {
    this.#share = share;
  }

  /** GPU-seconds that have to be paid off before the next launch; 0 where it may come. */
  debtSeconds(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    return Math.max(0, this.#debtSeconds - (elapsedMs / 1000) * this.#share);
  }

  isPaidOff(nowMs: number): boolean {
    return this.#share > 0 && this.debtSeconds(nowMs) === 0;
  }

  /** Takes out what a launch was measured to take, at the time it ended. */
  charge(nowMs: number, seconds: number): void {
    this.#debtSeconds = this.debtSeconds(nowMs) + Math.max(0, seconds);
    this.#atMs = Math.max(nowMs, this.#atMs ?? nowMs);
  }
}
