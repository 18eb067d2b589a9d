import type { ContextObservation, Observation } from "../../model/observation.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { ContextIntake, type IntakeDeps, type IntakeSettings } from "./intake.ts";
import type { OtlpEncoding, OtlpRecord, OtlpSignal } from "./otlp.ts";
import { inPortions, portionsOf } from "./portions.ts";
import { parseJson, recordsOfJson } from "./otlp-json.ts";
import { wantedOf } from "./attribute-table.ts";

/** What becomes of a request: taken, all but `refused` records; or to be sent again later. */
export type ContextOffer =
  | { state: "taken"; refused: number; reason: string | undefined }
  | { state: "full"; retryAfterSeconds: number };

export interface ContextQueueSettings extends IntakeSettings {
  /** Most contexts that wait for the next tick. */
  maxWaiting?: number | undefined;
  /** Most that go on the line at one tick. */
  maxPerTick?: number | undefined;
}

export interface ContextQueueDeps extends IntakeDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
}

const DEFAULT_MAX_WAITING = 10_000;
const DEFAULT_MAX_PER_TICK = 2000;
const RETRY_AFTER_SECONDS = 2;

/**
 * Run context that is pushed to the daemon. What it is given waits here, in bounded number, until the
 * next tick puts it on the line, like all that is seen.
 */
export class ContextQueue implements Collector {
  readonly name = "context";
  readonly #intake: ContextIntake;
  readonly #wanted: ReadonlySet<string>;
  readonly #maxWaiting: number;
  readonly #maxPerTick: number;
  readonly #nowMs: () => number;
  #waiting: ContextObservation[] = [];
  /** Places that requests have which are still being read. */
  #promised = 0;
  #dropped = 0;

  constructor(settings: ContextQueueSettings, deps: ContextQueueDeps) {
    this.#intake = new ContextIntake(settings, deps);
    this.#wanted = wantedOf(settings.table);
    this.#maxWaiting = settings.maxWaiting ?? DEFAULT_MAX_WAITING;
    this.#maxPerTick = settings.maxPerTick ?? DEFAULT_MAX_PER_TICK;
    this.#nowMs = deps.nowMs;
  }

  /** Records that were refused or sent away. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether a request is worth being read at all. */
  get isFull(): boolean {
    return this.#waiting.length + this.#promised >= this.#maxWaiting;
  }

  /**
   * Takes the body of one request, not packed.
   * @throws AssayError `context/malformed`
   */
  async offer(signal: OtlpSignal, encoding: OtlpEncoding, body: Uint8Array): Promise<ContextOffer> {
    const records =
      encoding === "json"
        ? recordsOfJson(signal, parseJson(Buffer.from(body).toString("utf8")), this.#wanted)
        : // Loaded with the first of these: a daemon that takes none does without it.
          (await import("./otlp-protobuf.ts")).recordsOfProtobuf(signal, body, this.#wanted);
    return this.#take(await inPortions(records));
  }

  open(): Promise<OpenResult> {
    return Promise.resolve({ status: "ready", detail: "OTLP over HTTP, traces and logs" });
  }

  collect(): Promise<readonly Observation[]> {
    return Promise.resolve(this.#waiting.splice(0, this.#maxPerTick));
  }

  async close(): Promise<void> {}

  async #take(records: readonly OtlpRecord[]): Promise<ContextOffer> {
    const room = this.#maxWaiting - this.#waiting.length - this.#promised;
    // One that would never fit is cut; any other comes again when there is room.
    if (records.length > room && room < this.#maxWaiting) {
      this.#dropped += records.length;
      return { state: "full", retryAfterSeconds: RETRY_AFTER_SECONDS };
    }
    const atMs = Math.round(this.#nowMs());
    const fitting = records.slice(0, room);
    const untimed = await this.#takeIn(fitting, atMs);
    const tooMany = records.length - fitting.length;
    this.#dropped += untimed + tooMany;
    const reasons = [
      untimed > 0 ? `${untimed} have no time that could be one` : "",
      tooMany > 0 ? `${tooMany} are more than ${this.#maxWaiting} in one request` : "",
    ].filter((reason) => reason !== "");
    const reason = reasons.length > 0 ? reasons.join("; ") : undefined;
    return { state: "taken", refused: untimed + tooMany, reason };
  }

  /** @returns how many had no time */
  async #takeIn(records: readonly OtlpRecord[], atMs: number): Promise<number> {
    this.#promised += records.length;
    let untimed = 0;
    for await (const portion of portionsOf(records)) {
      this.#promised -= portion.length;
      const { contexts, refused } = this.#intake.take({ records: portion, atMs, isFresh: true });
      this.#waiting.push(...contexts);
      untimed += refused;
    }
    return untimed;
  }
}
