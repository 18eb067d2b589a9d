/** dcgm-exporter's own default, where nothing tells another. */
const DEFAULT_PERIOD_MS = 30_000;
const MAX_PERIOD_MS = 60_000;
/** How long to look for the period before the default is taken for it. */
const LEARNING_MS = 95_000;
/** A refresh that a scrape cuts in two looks like two in a row: shorter gaps need more of them. */
const SURE_GAP_MS = 5000;
const SURE_GAPS = 3;
const KEPT_GAPS = 5;
const MAX_STALL_MS = 120_000;
const STALLED_PERIODS = 4;

/**
 * When the exporter has new readings. It reads the devices at its own pace, each 30 s by default, and
 * repeats the last values to whoever asks in between. Handing those on as new would make one reading
 * stand for many; so a scrape counts when any value of any device has changed: the exporter reads all
 * devices together, so one that is steady was read again as well.
 *
 * The pipeline must know the period before the first sample, or it takes the time between two for a
 * hole. So nothing is handed out before it is known: the longest gap between changes, once one is long
 * enough to be no half of a refresh, or several are short. That time is unobserved, which is true.
 */
export class Cadence {
  readonly #minMs: number;
  #startMs: number | undefined;
  #shape: string | undefined;
  #changedMs: number | undefined;
  #handedMs = Number.NEGATIVE_INFINITY;
  #gaps: number[] = [];
  #isAssumed = false;

  /** @param minMs how often the exporter is asked: no shorter period can be seen */
  constructor(minMs: number) {
    this.#minMs = minMs;
  }

  /** How often the devices are read, as far as it is known. */
  get periodMs(): number | undefined {
    const isSure = this.#gaps.length >= SURE_GAPS || this.#gaps.some((gap) => gap >= SURE_GAP_MS);
    if (isSure) return Math.max(this.#minMs, Math.min(MAX_PERIOD_MS, Math.max(...this.#gaps)));
    return this.#isAssumed ? Math.max(this.#minMs, DEFAULT_PERIOD_MS) : undefined;
  }

  /** Nothing was seen for a while: what is known of the period holds, but the next gap is none. */
  interrupt(): void {
    this.#shape = undefined;
    this.#changedMs = undefined;
    this.#startMs = undefined;
    this.#handedMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * @param shape all values of all devices
   * @param canStandStill whether a device may truly repeat all its values: never one that counts energy
   * @returns whether these are new readings, to be handed out
   */
  note(shape: string, canStandStill: boolean, nowMs: number): boolean {
    this.#startMs ??= nowMs;
    const isFirst = this.#shape === undefined;
    const hasChanged = shape !== this.#shape;
    this.#shape = shape;
    if (isFirst) {
      // Nobody knows how old these are.
      this.#handedMs = nowMs;
      return false;
    }
    if (hasChanged) this.#noteChange(nowMs);
    this.#isAssumed ||= nowMs - this.#startMs >= LEARNING_MS;
    const periodMs = this.periodMs;
    if (periodMs === undefined) return false;
    const steadyMs = Math.max(periodMs, DEFAULT_PERIOD_MS);
    const isSteady = canStandStill && nowMs - this.#handedMs >= steadyMs;
    if (!hasChanged && !isSteady) return false;
    this.#handedMs = nowMs;
    return true;
  }

  /** For how long an exporter whose values must change has repeated them, if that is too long. */
  stalledMs(canStandStill: boolean, nowMs: number): number | undefined {
    const sinceMs = this.#changedMs ?? this.#startMs;
    if (canStandStill || sinceMs === undefined) return undefined;
    const limitMs = Math.max(MAX_STALL_MS, STALLED_PERIODS * (this.periodMs ?? 0));
    return nowMs - sinceMs > limitMs ? nowMs - sinceMs : undefined;
  }

  #noteChange(nowMs: number): void {
    if (this.#changedMs !== undefined) this.#gaps.push(nowMs - this.#changedMs);
    if (this.#gaps.length > KEPT_GAPS) this.#gaps.shift();
    this.#changedMs = nowMs;
  }
}
