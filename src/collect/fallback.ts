import { AssayError } from "../model/errors.ts";
import type { Observation } from "../model/observation.ts";
import type { Collector, OpenResult } from "./contract.ts";

export interface FallbackDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
  /** How often the primary is tried again while the secondary serves: 60 s by default. */
  retryMs?: number | undefined;
}

const RETRY_MS = 60_000;

/** What came of opening the primary: ready, or why not. */
interface Attempt {
  isReady: boolean;
  detail: string;
  hint?: string | undefined;
  /** Set where it is there but cannot be used. */
  error?: AssayError | undefined;
}

/**
 * One source out of two that see the same devices. The secondary serves where the primary is not
 * there or its library cannot be used, and only until it can: a driver may be installed later.
 * Whatever else breaks either of them is told as it is; opening again goes through the same order.
 */
export function withFallback(
  primary: Collector,
  secondary: Collector,
  deps: FallbackDeps,
): Collector {
  return new FallbackCollector(primary, secondary, deps);
}

class FallbackCollector implements Collector {
  readonly name = "nvidia";
  readonly #primary: Collector;
  readonly #secondary: Collector;
  readonly #deps: FallbackDeps;
  #active: Collector | undefined;
  #triedMs = 0;
  /** The primary's opening under way beside the secondary, which it must not hold up. */
  #trying: Promise<void> | undefined;
  #isPrimaryReady = false;
  /** Tells an attempt of an earlier opening from one of this. */
  #opening = 0;
  #leaving: Promise<void> = Promise.resolve();

  constructor(primary: Collector, secondary: Collector, deps: FallbackDeps) {
    this.#primary = primary;
    this.#secondary = secondary;
    this.#deps = deps;
  }

  /** @throws what the primary throws, but for a library that cannot be used while the secondary serves */
  async open(): Promise<OpenResult> {
    this.#opening += 1;
    this.#isPrimaryReady = false;
    this.#triedMs = this.#deps.monotonicMs();
    const attempt = this.#trying
      ? { isReady: false, detail: "it is still being opened" }
      : await tryOpen(this.#primary);
    if (attempt.isReady) {
      this.#active = this.#primary;
      return { status: "ready", detail: `${this.#primary.name}: ${attempt.detail}` };
    }
    return this.#openSecondary(attempt);
  }

  async collect(atMs: number): Promise<readonly Observation[]> {
    if (this.#active === this.#secondary) this.#lookForPrimary();
    const active = this.#active;
    if (!active) throw new AssayError("collect/no-gpu", "no source is open");
    return active.collect(atMs);
  }

  async close(): Promise<void> {
    this.#opening += 1;
    this.#active = undefined;
    this.#isPrimaryReady = false;
    await Promise.all([this.#primary.close(), this.#secondary.close(), this.#leaving]);
  }

  async #openSecondary(attempt: Attempt): Promise<OpenResult> {
    await this.#leaving;
    const opened = await this.#secondary.open();
    const why = `${this.#primary.name}: ${attempt.detail}`;
    if (opened.status === "ready") {
      this.#active = this.#secondary;
      const detail = `${this.#secondary.name}: ${opened.detail} (instead of ${why})`;
      return { status: "ready", detail };
    }
    // With nothing to serve instead, a library that cannot be used is the fault to be told.
    if (attempt.error) throw attempt.error;
    const reason = `${why}; ${this.#secondary.name}: ${opened.reason}`;
    return { status: "absent", reason, hint: attempt.hint ?? opened.hint };
  }

  /** Takes over where the primary has become ready; starts to look again where it is time. */
  #lookForPrimary(): void {
    if (this.#isPrimaryReady) {
      this.#isPrimaryReady = false;
      this.#active = this.#primary;
      this.#leaving = this.#secondary.close().catch(() => undefined);
      return;
    }
    const nowMs = this.#deps.monotonicMs();
    if (this.#trying || nowMs - this.#triedMs < (this.#deps.retryMs ?? RETRY_MS)) return;
    this.#triedMs = nowMs;
    this.#trying = this.#try(this.#opening).finally(() => {
      this.#trying = undefined;
    });
  }

  /** Never rejects: the secondary serves on, whatever is wrong with the primary. */
  async #try(opening: number): Promise<void> {
    const isReady = await tryOpen(this.#primary).then(
      (attempt) => attempt.isReady,
      () => false,
    );
    if (isReady && opening === this.#opening) this.#isPrimaryReady = true;
    else await this.#primary.close().catch(() => undefined);
  }
}

/** @throws what is neither absence nor a library that cannot be used */
async function tryOpen(collector: Collector): Promise<Attempt> {
  try {
    const opened = await collector.open();
    if (opened.status === "ready") return { isReady: true, detail: opened.detail };
    return { isReady: false, detail: opened.reason, hint: opened.hint };
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "nvml/library") throw error;
    await collector.close();
    return { isReady: false, detail: error.message, hint: error.hint, error };
  }
}
