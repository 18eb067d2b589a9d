import { windowAt } from "../model/window.ts";

export interface RateSettings {
  /** Milliseconds between readings, normally. */
  intervalMs: number;
  /** And while something is to be looked at closely: not below `intervalMs` (or 0) switches that off. */
  fastIntervalMs: number;
  /** How long one request lasts; rounded up to whole windows. */
  holdMs: number;
  /** Share of time (0..1) that may be sampled fast in the long run; 0 switches it off. */
  budget: number;
  /** Length of the windows that are labelled, aligned to the epoch. */
  windowMs: number;
}

/** `exhausted`: asked for, and refused because the budget is used up. */
export type RateMode = "normal" | "fast" | "exhausted";

export interface RateStatus {
  /** The interval in force. */
  intervalMs: number;
  mode: RateMode;
  /** Why it is fast, or would be. */
  reason: string | undefined;
  /** Time sampled fast since the start. */
  fastMs: number;
  /** Fast time that could be had at once. */
  budgetLeftMs: number;
  /** Requests, granted or not. */
  asked: number;
  /** Windows that were asked for and not granted. */
  refused: number;
}

/** Windows [fromMs, untilMs) that somebody asked for. */
interface Want {
  fromMs: number;
  untilMs: number;
  reason: string;
}

/** The budget may be saved up over this long: 60 s of fast time at a tenth. */
const BUDGET_SPAN_MS = 600_000;
/** A wall clock that goes back further than this was set, not slewed. */
const STEP_BACK_MS = 1000;

/**
 * How often to read: normally, or fast for a while when somebody asks. Whole windows are sampled at
 * one rate, because features are means over samples. Fast time is paid for from a bucket that fills
 * at `budget` milliseconds a millisecond and holds `capacityMs`, so over any stretch of time at most
 * `capacityMs + budget × stretch` of it is fast. Time is an argument, in Unix milliseconds.
 */
export class RateController {
  /** What the bucket holds when full: ten minutes' worth, but one window at least. */
  readonly capacityMs: number;
  readonly #settings: RateSettings;
  readonly #onSwitch: ((status: RateStatus) => void) | undefined;
  readonly #isOff: boolean;
  /** Below this the bucket serves urgent requests only. */
  readonly #reserveMs: number;
  #levelMs: number;
  #nowMs: number | undefined;
  #urgent: Want | undefined;
  #unsure: Want | undefined;
  /** The newest granted stretch, paid for. */
  #fast = { fromMs: 0, untilMs: Number.NEGATIVE_INFINITY };
  #refusedAtMs: number | undefined;
  #mode: RateMode = "normal";
  #reason: string | undefined;
  #fastMs = 0;
  #asked = 0;
  #refused = 0;

  /** @param onSwitch told whenever the mode has changed; must not throw */
  constructor(settings: RateSettings, onSwitch?: (status: RateStatus) => void) {
    const { intervalMs, fastIntervalMs, budget, windowMs } = settings;
    this.#settings = settings;
    this.#onSwitch = onSwitch;
    this.#isOff = !(fastIntervalMs > 0 && fastIntervalMs < intervalMs && budget > 0);
    this.capacityMs = this.#isOff ? 0 : Math.max(budget * BUDGET_SPAN_MS, windowMs);
    this.#reserveMs = Math.max(0, Math.min(this.capacityMs / 2, this.capacityMs - windowMs));
    this.#levelMs = this.capacityMs;
  }

  /**
   * Asks for fast sampling for `holdMs`: from the window at `nowMs` where that has only just begun,
   * else from the next one.
   * @param urgent may use up the half of the budget that is kept for such requests
   */
  ask(reason: string, nowMs: number, { urgent = false }: { urgent?: boolean } = {}): void {
    this.#asked += 1;
    if (this.#isOff) return;
    this.#pass(nowMs);
    const { holdMs, windowMs } = this.#settings;
    const { fromMs: windowFromMs, toMs } = windowAt(nowMs, windowMs);
    const beginMs = this.#hasJustBegun(windowFromMs, nowMs) ? windowFromMs : toMs;
    const untilMs = beginMs + Math.max(1, Math.ceil(holdMs / windowMs)) * windowMs;
    const before = urgent ? this.#urgent : this.#unsure;
    const goesOn = before !== undefined && before.untilMs >= beginMs;
    const want = { fromMs: goesOn ? Math.min(before.fromMs, beginMs) : beginMs, untilMs, reason };
    if (urgent) this.#urgent = want;
    else this.#unsure = want;
  }

  /** The interval from now to the next reading. Time that goes back ends what was granted. */
  intervalMs(nowMs: number): number {
    if (this.#isOff) return this.#settings.intervalMs;
    this.#pass(nowMs);
    const isUrgent = isWanted(this.#urgent, nowMs);
    const want = isUrgent ? this.#urgent : this.#unsure;
    const reason = isWanted(want, nowMs) ? want?.reason : undefined;
    if (nowMs < this.#fast.untilMs) this.#become("fast", reason ?? this.#reason);
    else if (reason === undefined) this.#become("normal", undefined);
    else this.#decide(nowMs, reason, isUrgent);
    return this.#interval();
  }

  status(): RateStatus {
    return {
      intervalMs: this.#interval(),
      mode: this.#mode,
      reason: this.#reason,
      fastMs: this.#fastMs,
      budgetLeftMs: this.#levelMs,
      asked: this.#asked,
      refused: this.#refused,
    };
  }

  /** Grants the rest of the window, or refuses it: at its beginning only, and once. */
  #decide(nowMs: number, reason: string, isUrgent: boolean): void {
    const { fromMs, toMs } = windowAt(nowMs, this.#settings.windowMs);
    const costMs = toMs - nowMs;
    if (!this.#hasJustBegun(fromMs, nowMs)) {
      if (this.#mode === "fast") this.#become("normal", undefined);
      return;
    }
    if (this.#levelMs < (isUrgent ? costMs : this.#neededMs(costMs, nowMs))) {
      if (this.#refusedAtMs !== fromMs) this.#refused += 1;
      this.#refusedAtMs = fromMs;
      this.#become("exhausted", reason);
      return;
    }
    this.#levelMs -= costMs;
    this.#fast = { fromMs: nowMs, untilMs: toMs };
    this.#become("fast", reason);
  }

  /** A stretch begins only when it can last as long as was asked: no flicker at the end of a budget. */
  #neededMs(costMs: number, nowMs: number): number {
    const { holdMs, intervalMs } = this.#settings;
    const goesOn = nowMs - this.#fast.untilMs <= intervalMs;
    if (goesOn) return this.#reserveMs + costMs;
    return this.#reserveMs + Math.min(Math.max(holdMs, costMs), this.capacityMs - this.#reserveMs);
  }

  /** Within the first normal interval a change of rate costs the window one sample at most. */
  #hasJustBegun(windowFromMs: number, nowMs: number): boolean {
    return nowMs - windowFromMs <= this.#settings.intervalMs;
  }

  /** Counts the time since the last call: the bucket fills, and fast time adds up. */
  #pass(nowMs: number): void {
    const beforeMs = this.#nowMs ?? nowMs;
    this.#nowMs = nowMs;
    if (nowMs < beforeMs) {
      if (beforeMs - nowMs > STEP_BACK_MS) this.#forget();
      return;
    }
    const { fromMs, untilMs } = this.#fast;
    this.#fastMs += Math.max(0, Math.min(nowMs, untilMs) - Math.max(beforeMs, fromMs));
    const filled = this.#levelMs + this.#settings.budget * (nowMs - beforeMs);
    this.#levelMs = Math.min(this.capacityMs, filled);
  }

  /** After the clock was set back: windows that were meant then are not those of now. */
  #forget(): void {
    this.#fast = { fromMs: 0, untilMs: Number.NEGATIVE_INFINITY };
    this.#urgent = undefined;
    this.#unsure = undefined;
  }

  #interval(): number {
    const { intervalMs, fastIntervalMs } = this.#settings;
    return this.#mode === "fast" ? fastIntervalMs : intervalMs;
  }

  #become(mode: RateMode, reason: string | undefined): void {
    const changed = mode !== this.#mode;
    this.#mode = mode;
    this.#reason = reason;
    if (changed) this.#onSwitch?.(this.status());
  }
}

function isWanted(want: Want | undefined, nowMs: number): boolean {
  return want !== undefined && want.fromMs <= nowMs && nowMs < want.untilMs;
}
