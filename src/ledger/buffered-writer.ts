import { AssayError } from "../model/errors.ts";
import { pieces, recordCount, sliceCount, withoutSlices } from "./batches.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import type { LedgerBatch, LedgerWriter, OutboxMessage } from "./contract.ts";
import { Losses } from "./losses.ts";
import { BatchRejected } from "./rejected.ts";

export interface BufferedWriterOptions {
  ledger: LedgerWriter;
  /** Batches kept in memory while the ledger cannot be written. */
  maxQueuedBatches: number;
  /** Slices in them; 100,000 by default. */
  maxQueuedSlices?: number | undefined;
  /** Incidents, messages and other records in them; 50,000 by default. */
  maxQueuedRecords?: number | undefined;
  /** Waits `ms`, or less when the signal aborts; may reject then, as `node:timers/promises` does. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Writing begins to fail, works again, or something was lost. */
  onChange?: ((status: WriterStatus) => void) | undefined;
}

export interface WriterStatus {
  state: "ok" | "failing";
  queuedBatches: number;
  queuedSlices: number;
  /** Slices that were measured but not kept. Their stretches become gap records. */
  droppedSlices: number;
  /** Other records that were not kept: refused by the ledger, or memory was full of records. */
  droppedRecords: number;
  /** Why writing fails; while it works, why something was refused the last time. */
  lastError?: string | undefined;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const MAX_SLICES = 100_000;
const MAX_RECORDS = 50_000;
const FLUSH_LIMIT_MS = 5000;

/**
 * Keeps measuring apart from writing. Batches queue up in bounded memory, are written in order, one
 * at a time, and stay queued while the disk is full, read-only or broken, with growing pauses between
 * attempts. Where memory is full too, the oldest slices go; what they covered is written down as gaps
 * once writing works and the queue is through. Incidents and messages outlive slices.
 */
export class BufferedWriter {
  private readonly options: BufferedWriterOptions;
  private readonly queue: BoundedQueue;
  private readonly losses = new Losses();
  private droppedSlices = 0;
  private droppedRecords = 0;
  private failure: string | undefined;
  private refusal: string | undefined;
  private retryMs = FIRST_RETRY_MS;
  private working: Promise<void> | undefined;
  private pause = new AbortController();
  private stopped = false;

  constructor(options: BufferedWriterOptions) {
    this.options = options;
    this.queue = new BoundedQueue({
      batches: options.maxQueuedBatches,
      slices: options.maxQueuedSlices ?? MAX_SLICES,
      records: options.maxQueuedRecords ?? MAX_RECORDS,
    });
  }

  /** Never blocks and never fails. */
  enqueue(batch: LedgerBatch): void {
    const gone = this.queue.push(batch);
    const why = `memory was full while ${this.failure ?? "the ledger was too slow"}`;
    for (const each of gone) this.lose(each, why);
    if (gone.length > 0) this.changed();
    if (!this.stopped) this.working ??= this.drain();
  }

  status(): WriterStatus {
    return {
      state: this.failure === undefined ? "ok" : "failing",
      queuedBatches: this.queue.batchCount,
      queuedSlices: this.queue.sliceCount,
      droppedSlices: this.droppedSlices,
      droppedRecords: this.droppedRecords,
      lastError: this.failure ?? this.refusal,
    };
  }

  /** Messages that are not on disk yet. */
  waitingMessages(): OutboxMessage[] {
    return this.queue.messages();
  }

  /** Resolves when all is on disk, however long it fails: lets a replay go no faster than the disk. */
  async drained(): Promise<void> {
    while (this.working) await this.working;
  }

  /**
   * For shutdown: tries at once, and goes on for `limitMs` at most. After that nothing is written.
   * @returns whether all is on disk
   */
  async flush(limitMs: number = FLUSH_LIMIT_MS): Promise<boolean> {
    const done = new AbortController();
    this.hurry();
    await Promise.race([this.drained(), this.sleep(limitMs, done.signal)]);
    done.abort();
    this.stopped = true;
    this.hurry();
    return this.queue.batchCount === 0 && this.losses.size === 0;
  }

  private async drain(): Promise<void> {
    await Promise.resolve(); // `working` is set before anything can end it
    for (;;) {
      // Looked at and ended in one turn, so that no batch can slip in between.
      const batch = this.stopped ? undefined : this.next();
      if (!batch) {
        this.working = undefined;
        return;
      }
      await this.attempt(batch);
    }
  }

  private next(): LedgerBatch | undefined {
    if (!this.queue.head && this.losses.size > 0) this.queue.push({ gaps: this.losses.take() });
    return this.queue.head;
  }

  private async attempt(batch: LedgerBatch): Promise<void> {
    this.queue.hold(batch);
    try {
      await this.options.ledger.append(batch);
      this.queue.replace(batch, []);
      this.recovered();
    } catch (error) {
      this.queue.release();
      // Storage that fails may work again. Whatever else is wrong is wrong with the batch.
      if (error instanceof AssayError) await this.failed(error);
      else this.refused(batch, error);
    }
  }

  private recovered(): void {
    this.retryMs = FIRST_RETRY_MS;
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.changed();
  }

  /** A broken law stays broken: the smallest piece that breaks it is given up, and no more. */
  private refused(batch: LedgerBatch, error: unknown): void {
    const reason = error instanceof BatchRejected ? error.reason : "error";
    const parts = pieces(batch);
    if (reason === "duplicate") {
      // Its answer was lost, or somebody repeats himself: its windows are there.
      this.queue.replace(batch, recordCount(batch) > 0 ? [withoutSlices(batch)] : []);
    } else if (parts.length > 1) {
      this.queue.replace(batch, parts);
    } else {
      this.queue.replace(batch, []);
      this.refusal = error instanceof Error ? error.message : String(error);
      this.lose(batch, `the ledger refused them (${reason})`);
      this.changed();
    }
  }

  private async failed(error: AssayError): Promise<void> {
    const before = this.failure;
    this.failure = `${error.code}: ${error.message}`;
    if (before !== this.failure) this.changed();
    if (this.stopped) return;
    this.pause = new AbortController();
    const pauseMs = this.retryMs;
    this.retryMs = Math.min(2 * pauseMs, MAX_RETRY_MS);
    await this.sleep(pauseMs, this.pause.signal);
  }

  private hurry(): void {
    this.retryMs = FIRST_RETRY_MS;
    this.pause.abort();
  }

  private async sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.options.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  private lose(batch: LedgerBatch, why: string): void {
    this.droppedSlices += sliceCount(batch);
    this.droppedRecords += recordCount(batch);
    this.losses.addSlices(batch.slices ?? [], why);
  }

  private changed(): void {
    this.options.onChange?.(this.status());
  }
}
