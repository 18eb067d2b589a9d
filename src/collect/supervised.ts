import type { GapObservation, Observation } from "../model/observation.ts";
import { backoffMs } from "./backoff.ts";
import type { Collector, CollectorHealth } from "./contract.ts";
import { DurationWindow, ErrorTally } from "./self-measure.ts";
import type { HarnessDeps, HarnessSettings, TickReading } from "./harness-types.ts";

/** Readings may come this late, however short the interval: no window has closed over them. */
const LATE_MS = 2000;
/** A call that has not returned for this long is said to hang. */
const HANG_MS = 5000;
/** Ticks jitter: this share of a source's own shortest interval is as good as all of it. */
const SOON_SHARE = 0.9;

type State = "new" | "ready" | "absent" | "failing" | "closed";

/** A collector with everything the harness keeps of it. */
export class SupervisedCollector {
  readonly #collector: Collector;
  readonly #settings: HarnessSettings;
  readonly #deps: HarnessDeps;
  #state: State = "new";
  #detail = "not opened yet";
  #readyDetail = "";
  #running: Promise<void> | undefined;
  /** Monotonic time before which it is left alone. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #failuresInRow = 0;
  #lastDurationMs: number | undefined;
  readonly #durations = new DurationWindow();
  readonly #errors = new ErrorTally();
  /** Monotonic time at which the newest reading began. */
  #readFromMs = Number.NEGATIVE_INFINITY;
  #lastSuccessAtMs: number | undefined;
  #successes = 0;
  #failures = 0;
  #drops = 0;
  /** Up to where its time is told, as observations or as a gap; unset while there is nothing to tell. */
  #toldToMs: number | undefined;
  /** Why time since then is missing, once it is. */
  #missing: string | undefined;
  /** What one attempt brought, until the next tick takes it. */
  #results: Observation[] = [];
  /** Ticks that came while the attempt under way ran. */
  #ticksWaited = 0;
  /** Monotonic time at which the attempt under way began. */
  #attemptFromMs = Number.NEGATIVE_INFINITY;

  constructor(collector: Collector, settings: HarnessSettings, deps: HarnessDeps) {
    this.#collector = collector;
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Opens it where it is not open and its time has come. Never rejects. */
  async open(): Promise<void> {
    if (this.#running) return this.#running;
    if (this.#state === "ready" || !this.#isDue()) return;
    if (this.#state === "new") this.#detail = "it is being opened";
    await this.#attempt(() => this.#ensureOpen().then(() => undefined));
  }

  /** Starts a reading, unless it is waiting to be tried again; one that still runs is a drop. */
  async start(atMs: number): Promise<void> {
    if (this.#isTooSoon()) return;
    if (this.#running) {
      this.#drops += 1;
      this.#ticksWaited += 1;
      this.#noteHang(atMs);
      return;
    }
    if (!this.#isDue()) return;
    this.#ticksWaited = 0;
    await this.#attempt(() => this.#read(atMs), atMs);
  }

  /** What has come in since the last time, oldest first. */
  take(): TickReading {
    const { name: collector } = this.#collector;
    return { collector, state: this.#publicState(), observations: this.#results.splice(0) };
  }

  countDrops(count: number): void {
    if (this.#state === "ready") this.#drops += count;
  }

  health(): CollectorHealth {
    const { name } = this.#collector;
    return {
      name,
      state: this.#publicState(),
      detail: (this.#state === "ready" && this.#collector.detail) || this.#detail,
      lastDurationMs: this.#lastDurationMs,
      meanDurationMs: this.#durations.mean(),
      maxDurationMs: this.#durations.max(),
      lastSuccessAtMs: this.#lastSuccessAtMs,
      lastErrorText: this.#errors.last(),
      errors: this.#errors.counts(),
      successes: this.#successes,
      failures: this.#failures,
      drops: this.#drops + (this.#collector.dropped ?? 0),
    };
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#detail = "closed";
    const done = new AbortController();
    const late = this.#deps.sleep(this.#settings.closeTimeoutMs, done.signal);
    await Promise.race([this.#collector.close().catch(() => undefined), late]);
    done.abort();
  }

  #publicState(): CollectorHealth["state"] {
    return this.#state === "new" ? "closed" : this.#state;
  }

  #isTooSoon(): boolean {
    const { minIntervalMs = 0 } = this.#collector;
    return this.#deps.monotonicMs() - this.#readFromMs < SOON_SHARE * minIntervalMs;
  }

  #isDue(): boolean {
    return this.#state !== "closed" && this.#deps.monotonicMs() >= this.#notBeforeMs;
  }

  /** Runs one attempt, timed; whatever it throws becomes the state `failing`. */
  async #attempt(work: () => Promise<void>, atMs?: number): Promise<void> {
    const startedMs = this.#deps.monotonicMs();
    this.#attemptFromMs = startedMs;
    const running = work()
      .catch((error: unknown) => this.#fail(error, atMs))
      .finally(() => {
        this.#lastDurationMs = this.#deps.monotonicMs() - startedMs;
        this.#running = undefined;
      });
    this.#running = running;
    await running;
  }

  async #read(atMs: number): Promise<void> {
    if (!(await this.#ensureOpen(atMs))) return;
    // Opening took so long that `atMs` is past: the next tick reads.
    if (this.#ticksWaited > 0) return;
    this.#toldToMs ??= atMs;
    this.#readFromMs = this.#deps.monotonicMs();
    const seen = await this.#collector.collect(atMs);
    if (this.#isClosed()) return;
    const tookMs = this.#deps.monotonicMs() - this.#readFromMs;
    this.#durations.add(tookMs);
    this.#successes += 1;
    this.#lastSuccessAtMs = atMs;
    if (this.#ticksWaited > 1 && tookMs >= LATE_MS) this.#keepWhatLasts(seen);
    else this.#keep(atMs, seen);
  }

  #keep(atMs: number, seen: readonly Observation[]): void {
    const gap = this.#missing === undefined ? undefined : this.#gap(atMs, this.#missing);
    this.#recover();
    this.#toldToMs = atMs;
    this.#results.push(...(gap ? [gap] : []), ...seen);
  }

  /** Readings that come this late belong to windows that have closed; devices and gaps still hold. */
  #keepWhatLasts(seen: readonly Observation[]): void {
    this.#drops += 1;
    this.#missing ??= "a reading took too long";
    this.#results.push(...seen.filter(({ kind }) => kind === "node" || kind === "gap"));
  }

  /** @returns false where the source is not there */
  async #ensureOpen(atMs?: number): Promise<boolean> {
    if (this.#state === "ready") return true;
    // After a failure nothing of the old state is trusted: the source is opened anew.
    if (this.#state === "failing") await this.#collector.close();
    const opened = await this.#collector.open();
    if (this.#isClosed()) {
      await this.#collector.close();
      return false;
    }
    if (opened.status === "absent") {
      this.#noteAbsent(opened.reason, opened.hint, atMs);
      return false;
    }
    this.#readyDetail = opened.detail;
    // One that failed is only well again once it has read something.
    if (this.#state !== "failing") this.#become("ready");
    return true;
  }

  #noteAbsent(reason: string, hint: string | undefined, atMs: number | undefined): void {
    const changed = this.#state !== "absent" || this.#detail !== reason;
    // One that has served is missed: its time is told as a gap, and it is looked for sooner.
    const isMissed = this.#successes > 0;
    this.#state = "absent";
    this.#detail = reason;
    this.#failuresInRow = isMissed ? this.#failuresInRow + 1 : 0;
    const { absentRetryMs, backoff } = this.#settings;
    const waitMs = isMissed ? backoffMs(backoff, this.#failuresInRow) : absentRetryMs;
    this.#notBeforeMs = this.#deps.monotonicMs() + waitMs;
    this.#missing = isMissed ? reason : undefined;
    if (isMissed) this.#tellFailure(atMs);
    else this.#toldToMs = undefined;
    if (!changed) return;
    const { name } = this.#collector;
    this.#deps.onEvent?.({ kind: "absent", name, detail: reason, hint, isMissed });
  }

  /** Once for each attempt that does not return: whatever comes of it is late. */
  #noteHang(atMs: number): void {
    const isHanging = this.#deps.monotonicMs() - this.#attemptFromMs >= HANG_MS;
    if (!isHanging || this.#state === "failing" || this.#isClosed()) return;
    const detail = `a call into it has not returned for ${HANG_MS / 1000} s`;
    this.#state = "failing";
    this.#detail = detail;
    this.#missing = "a call into the source did not return";
    const gap = this.#toldToMs === undefined ? undefined : this.#gap(atMs, this.#missing);
    if (gap) this.#results.push(gap);
    const { name } = this.#collector;
    this.#deps.onEvent?.({ kind: "failing", name, detail, error: new Error(detail) });
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #become(kind: "ready" | "recovered"): void {
    this.#state = "ready";
    this.#detail = this.#readyDetail;
    this.#deps.onEvent?.({ kind, name: this.#collector.name, detail: this.#detail });
  }

  #recover(): void {
    this.#missing = undefined;
    this.#failuresInRow = 0;
    if (this.#state === "failing") this.#become("recovered");
  }

  #fail(error: unknown, atMs: number | undefined): void {
    if (this.#isClosed()) return;
    this.#failures += 1;
    this.#failuresInRow += 1;
    this.#notBeforeMs =
      this.#deps.monotonicMs() + backoffMs(this.#settings.backoff, this.#failuresInRow);
    const detail = error instanceof Error ? error.message : String(error);
    this.#errors.add(detail);
    const changed = this.#state !== "failing" || this.#detail !== detail;
    this.#state = "failing";
    this.#detail = detail;
    this.#missing = detail;
    this.#tellFailure(atMs);
    if (changed) {
      this.#deps.onEvent?.({ kind: "failing", name: this.#collector.name, detail, error });
    }
  }

  /** A first failure may pass at once; from the second on, the stretch so far is told. */
  #tellFailure(atMs: number | undefined): void {
    if (atMs === undefined) return;
    this.#toldToMs ??= atMs;
    const gap = this.#failuresInRow > 1 ? this.#gap(atMs, this.#detail) : undefined;
    if (gap) this.#results.push(gap);
  }

  #gap(toMs: number, reason: string): GapObservation | undefined {
    const fromMs = this.#toldToMs ?? toMs;
    this.#toldToMs = toMs;
    if (fromMs >= toMs) return undefined;
    return { kind: "gap", source: this.#collector.name, fromMs, toMs, reason };
  }
}
