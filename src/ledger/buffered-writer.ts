import type { GapRecord, LedgerBatch, LedgerWriter } from "./contract.ts";

export interface BufferedWriterOptions {
  ledger: LedgerWriter;
  /** Batches kept in memory while the ledger cannot be written. */
  maxQueuedBatches: number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Called when writing begins to fail, and when it works again. */
  onChange?: ((status: WriterStatus) => void) | undefined;
}

export interface WriterStatus {
  state: "ok" | "failing";
  queuedBatches: number;
  queuedSlices: number;
  /** Slices that had to be thrown away; each of their stretches became a gap record. */
  droppedSlices: number;
  lastError?: string | undefined;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

/**
 * Keeps measuring apart from writing: batches queue up in bounded memory, are written in order, and
 * stay queued while the disk is full or gone. When memory is full too, the oldest slices go first,
 * and what is lost is written down as gaps once writing works; alerts and incidents never go.
 */
export class BufferedWriter {
  private readonly options: BufferedWriterOptions;
  private queue: LedgerBatch[] = [];
  private lost = new Map<string, GapRecord>();
  private droppedSlices = 0;
  private lastError: string | undefined;
  private working: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(options: BufferedWriterOptions) {
    this.options = options;
  }

  /** Never blocks and never fails. */
  enqueue(batch: LedgerBatch): void {
    this.queue.push(batch);
    if (this.queue.length > this.options.maxQueuedBatches) this.dropOldestSlices();
    this.working ??= this.drain();
  }

  status(): WriterStatus {
    return {
      state: this.lastError === undefined ? "ok" : "failing",
      queuedBatches: this.queue.length,
      queuedSlices: this.queue.reduce((sum, batch) => sum + (batch.slices?.length ?? 0), 0),
      droppedSlices: this.droppedSlices,
      lastError: this.lastError,
    };
  }

  /** Resolves when everything is on disk: lets a fast replay go no faster than the disk. */
  async drained(): Promise<void> {
    while (this.working) await this.working;
  }

  /** As {@link drained}, but gives up on a ledger that is failing. @returns whether all is on disk */
  async flush(): Promise<boolean> {
    this.stopping.abort();
    await this.drained();
    return this.queue.length === 0;
  }

  private async drain(): Promise<void> {
    try {
      await this.drainQueue();
    } finally {
      this.working = undefined;
    }
  }

  private async drainQueue(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    for (let batch = this.queue[0]; batch; batch = this.queue[0]) {
      try {
        await this.write(batch);
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        // A broken law is our own fault and stays broken: retrying it would stop all the rest.
        if (error instanceof Error && !("code" in error)) this.giveUp(batch, error);
        else {
          this.fail(error);
          if (this.stopping.signal.aborted) return;
          await this.options.sleep(retryMs, this.stopping.signal);
          retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
        }
      }
    }
  }

  private async write(batch: LedgerBatch): Promise<void> {
    const lost = [...this.lost.values()];
    const gaps = [...(batch.gaps ?? []), ...lost];
    await this.options.ledger.append({ ...batch, gaps });
    for (const gap of lost) this.lost.delete(gap.gpuUuid ?? "");
    this.remove(batch);
    if (this.lastError === undefined) return;
    this.lastError = undefined;
    this.options.onChange?.(this.status());
  }

  private giveUp(batch: LedgerBatch, error: Error): void {
    this.recordLoss(batch, `refused by the ledger: ${error.message}`);
    const { gaps, incidents, outbox } = batch;
    this.remove(batch);
    if (batch.slices?.length) this.queue.unshift({ gaps, incidents, outbox });
    this.options.onChange?.({ ...this.status(), lastError: error.message });
  }

  private fail(error: unknown): void {
    const before = this.lastError;
    this.lastError = error instanceof Error ? error.message : String(error);
    if (before === undefined) this.options.onChange?.(this.status());
  }

  /** The batch in flight may be at the front, so it is looked for, not shifted. */
  private remove(batch: LedgerBatch): void {
    const at = this.queue.indexOf(batch);
    if (at >= 0) this.queue.splice(at, 1);
  }

  private dropOldestSlices(): void {
    // The first may be on its way to the disk: it must not be counted as lost and written as well.
    const at = this.queue.findIndex((batch, i) => i > 0 && (batch.slices?.length ?? 0) > 0);
    const batch = this.queue[at];
    if (!batch) return;
    this.recordLoss(batch, "the ledger could not be written and memory was full");
    const rest = this.queue[at + 1];
    const { gpus, gaps, incidents, outbox } = batch;
    this.queue.splice(at, 1);
    // Incidents and alerts move on to the next batch: they are small, and they must arrive.
    if (rest) this.queue[at] = joined({ gpus, gaps, incidents, outbox }, rest);
  }

  private recordLoss(batch: LedgerBatch, reason: string): void {
    for (const slice of batch.slices ?? []) {
      this.droppedSlices += 1;
      const { node, gpuUuid, fromMs, toMs } = slice;
      const known = this.lost.get(gpuUuid);
      this.lost.set(gpuUuid, {
        ...{ node, gpuUuid, source: "ledger", reason },
        fromMs: Math.min(fromMs, known?.fromMs ?? fromMs),
        toMs: Math.max(toMs, known?.toMs ?? toMs),
      });
    }
  }
}

function joined(first: LedgerBatch, second: LedgerBatch): LedgerBatch {
  return {
    gpus: [...(first.gpus ?? []), ...(second.gpus ?? [])],
    slices: second.slices,
    gaps: [...(first.gaps ?? []), ...(second.gaps ?? [])],
    incidents: [...(first.incidents ?? []), ...(second.incidents ?? [])],
    outbox: [...(first.outbox ?? []), ...(second.outbox ?? [])],
    calibrations: second.calibrations,
  };
}
