import type { DeliveryOutcome, Outbox, OutboxEntry } from "../ledger/contract.ts";
import type { Endpoint } from "./endpoint.ts";
import { orderGroup } from "./message.ts";
import { GONE, outcomeOf } from "./retry.ts";
import { send, type SendSettings } from "./send.ts";

/** As pino has it: fields first, then the sentence. */
export interface DeliveryLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LaneSettings extends SendSettings {
  outbox: Outbox;
  clock: () => number;
  random: () => number;
  log: DeliveryLog;
  /** Requests to one endpoint at a time. */
  concurrency: number;
}

/** What one endpoint has seen since the start. */
export interface EndpointStatus {
  name: string;
  delivered: number;
  failedAttempts: number;
  dead: number;
  inFlight: number;
  /** The endpoint answered 410: nothing is sent to it any more. */
  gone: boolean;
  lastDeliveredAtMs?: number | undefined;
  lastError?: string | undefined;
}

/** Messages read at once: enough to find every incident's oldest one unless the queue is longer. */
const PAGE = 1000;
/** The outbox is read again after this at the latest: a clock may step, a poke may be missed. */
const POLL_MS = 60_000;
/** Rest after the outbox itself failed. */
const OUTBOX_REST_MS = 5000;

/**
 * Delivers one endpoint's messages, several at a time, but those of one incident strictly one after
 * the other: a later one waits until the earlier is delivered or dead. Lanes know nothing of each
 * other, so a receiver that hangs delays only its own messages.
 */
export class Lane {
  private readonly endpoint: Endpoint;
  private readonly settings: LaneSettings;
  private readonly counts: EndpointStatus;
  private readonly busy = new Map<string, Promise<void>>();
  /** Groups whose message was settled while the outbox was being read: the read may be stale. */
  private readonly settledMeanwhile = new Set<string>();
  private readonly stopping = new AbortController();
  private ready: OutboxEntry[] = [];
  private mustRead = true;
  private nextAtMs: number | undefined;
  private restUntilMs = Number.NEGATIVE_INFINITY;
  private stepping: Promise<void> = Promise.resolve();
  private running: Promise<void> | undefined;
  private isStopped = false;
  private isWoken = false;
  private wake: () => void = () => {};

  constructor(endpoint: Endpoint, settings: LaneSettings) {
    this.endpoint = endpoint;
    this.settings = settings;
    const zero = { delivered: 0, failedAttempts: 0, dead: 0, inFlight: 0, gone: false };
    this.counts = { name: endpoint.name, ...zero };
  }

  status(): EndpointStatus {
    return { ...this.counts, inFlight: this.busy.size };
  }

  start(): void {
    if (!this.isStopped) this.running ??= this.run();
  }

  poke(): void {
    this.mustRead = true;
    this.stir();
  }

  /** Attempts, once each, all that is due at `nowMs`, and returns when nothing is left in flight. */
  async drain(nowMs: number): Promise<void> {
    this.mustRead = true;
    do {
      await this.step(nowMs);
      if (this.busy.size > 0) await Promise.race(this.busy.values());
    } while (!this.isStopped && (this.busy.size > 0 || (this.mustRead && !this.isResting(nowMs))));
  }

  /** Lets requests in flight end within `graceMs`, then aborts them: their messages stay due. */
  async stop(graceMs: number): Promise<void> {
    this.isStopped = true;
    this.stir();
    const cancel = this.settings.timer(graceMs, () => this.stopping.abort());
    await this.stepping;
    await Promise.all(this.busy.values());
    cancel();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      this.isWoken = false;
      await this.step(this.settings.clock());
      await this.sleep();
    }
  }

  private sleep(): Promise<void> {
    if (this.isWoken || this.isStopped) return Promise.resolve();
    const nowMs = this.settings.clock();
    const untilMs = Math.max(this.nextAtMs ?? nowMs + POLL_MS, this.restUntilMs);
    const waitMs = Math.min(Math.max(untilMs - nowMs, 1), POLL_MS);
    return new Promise((resolve) => {
      const cancel = this.settings.timer(waitMs, () => {
        this.mustRead = true;
        resolve();
      });
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }

  private stir(): void {
    this.isWoken = true;
    this.wake();
  }

  private isResting(nowMs: number): boolean {
    return nowMs < this.restUntilMs;
  }

  /** One at a time: reads if there is nothing left to send, then fills the free places. */
  private step(nowMs: number): Promise<void> {
    this.stepping = this.stepAfter(this.stepping, nowMs);
    return this.stepping;
  }

  private async stepAfter(earlier: Promise<void>, nowMs: number): Promise<void> {
    await earlier;
    if (this.isStopped || this.isResting(nowMs)) return;
    if (this.ready.length === 0 && this.mustRead) await this.read(nowMs);
    while (!this.isStopped && this.busy.size < this.settings.concurrency) {
      const entry = this.ready.shift();
      if (!entry) break;
      this.launch(entry, nowMs);
    }
  }

  private async read(nowMs: number): Promise<void> {
    this.mustRead = false;
    this.settledMeanwhile.clear();
    const { name } = this.endpoint;
    try {
      const page = await this.settings.outbox.due(Number.MAX_SAFE_INTEGER, PAGE, name);
      const heads = oldestOfEachGroup(page.filter((entry) => entry.endpoint === name)).filter(
        ({ id }) => !this.busy.has(orderGroup(id)) && !this.settledMeanwhile.has(orderGroup(id)),
      );
      this.ready = heads.filter((entry) => entry.nextAttemptAtMs <= nowMs);
      const waiting = heads.filter((entry) => entry.nextAttemptAtMs > nowMs);
      this.nextAtMs = waiting.reduce<number | undefined>(
        (least, entry) => Math.min(least ?? entry.nextAttemptAtMs, entry.nextAttemptAtMs),
        undefined,
      );
    } catch (error) {
      this.rest(nowMs, error);
    }
  }

  private launch(entry: OutboxEntry, nowMs: number): void {
    const group = orderGroup(entry.id);
    const work = this.attempt(entry, nowMs).finally(() => {
      this.busy.delete(group);
      this.settledMeanwhile.add(group);
      this.mustRead = true;
      this.stir();
    });
    this.busy.set(group, work);
  }

  private async attempt(entry: OutboxEntry, nowMs: number): Promise<void> {
    const { clock, random, outbox } = this.settings;
    const result = this.counts.gone
      ? ({ kind: "answered", status: GONE } as const)
      : await send(entry, this.endpoint, clock(), this.stopping.signal, this.settings);
    if (result.kind === "stopped") return;
    const atMs = Math.max(nowMs, clock());
    const outcome = outcomeOf(result, entry.attempts, atMs, random());
    if (result.kind === "answered" && result.status === GONE) this.disable();
    try {
      await outbox.settle(entry.id, entry.endpoint, outcome);
      this.report(entry, outcome);
    } catch (error) {
      this.rest(atMs, error);
    }
  }

  private disable(): void {
    if (this.counts.gone) return;
    this.counts.gone = true;
    const { name } = this.endpoint;
    this.settings.log.error({ endpoint: name }, "webhook answered 410 Gone: endpoint disabled");
  }

  private report(entry: OutboxEntry, outcome: DeliveryOutcome): void {
    const { log } = this.settings;
    const fields = { endpoint: entry.endpoint, message: entry.id, type: entry.type };
    if (outcome.state === "delivered") {
      this.counts.delivered += 1;
      this.counts.lastDeliveredAtMs = outcome.atMs;
      log.info({ ...fields, attempts: entry.attempts + 1 }, "alert delivered");
      return;
    }
    this.counts.failedAttempts += 1;
    this.counts.lastError = outcome.error;
    if (outcome.state === "dead") this.counts.dead += 1;
    const more = { ...fields, attempts: entry.attempts + 1, error: outcome.error };
    if (outcome.state === "dead") log.error(more, "alert given up");
    else log.warn({ ...more, nextAttemptAtMs: outcome.nextAttemptAtMs }, "alert not delivered yet");
  }

  /** The outbox failed: a pause, else a message that cannot be settled would be sent in a tight loop. */
  private rest(nowMs: number, error: unknown): void {
    this.ready = [];
    this.mustRead = true;
    this.restUntilMs = nowMs + OUTBOX_REST_MS;
    const reason = error instanceof Error ? error.message : String(error);
    this.settings.log.error({ endpoint: this.endpoint.name, reason }, "the outbox cannot be used");
  }
}

/** Ids of one incident sort in the order of its changes. Groups stay in the order of the page. */
function oldestOfEachGroup(page: readonly OutboxEntry[]): OutboxEntry[] {
  const oldest = new Map<string, OutboxEntry>();
  for (const entry of page) {
    const group = orderGroup(entry.id);
    const known = oldest.get(group);
    if (!known || entry.id < known.id) oldest.set(group, entry);
  }
  return [...oldest.values()];
}
