import { joined, recordCount, sliceCount, withoutSlices } from "./batches.ts";
import type { LedgerBatch, OutboxMessage } from "./contract.ts";

export interface QueueLimits {
  batches: number;
  slices: number;
  /** All that is not a slice. */
  records: number;
}

/**
 * Batches that wait to be written, in their order and within limits. Slices give way first, the
 * oldest first; what else their batch holds moves on to the next one. Only where nothing but records
 * is left do the oldest of them go.
 */
export class BoundedQueue {
  private readonly limits: QueueLimits;
  private batches: LedgerBatch[] = [];
  /** May be on disk already: never changed, never counted as lost. */
  private busy: LedgerBatch | undefined;
  private slices = 0;
  private records = 0;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  get batchCount(): number {
    return this.batches.length;
  }

  get sliceCount(): number {
    return this.slices;
  }

  get head(): LedgerBatch | undefined {
    return this.batches[0];
  }

  messages(): OutboxMessage[] {
    return this.batches.flatMap(({ outbox }) => outbox ?? []);
  }

  /** @returns what had to go for it */
  push(batch: LedgerBatch): LedgerBatch[] {
    this.batches.push(batch);
    this.count(batch, 1);
    const gone: LedgerBatch[] = [];
    while (this.isOver()) {
      const went = this.shrink();
      if (!went) break;
      if (sliceCount(went) + recordCount(went) > 0) gone.push(went);
    }
    return gone;
  }

  hold(batch: LedgerBatch): void {
    this.busy = batch;
  }

  /** The batch is no longer in flight, and `by` takes its place. */
  replace(batch: LedgerBatch, by: readonly LedgerBatch[]): void {
    this.release();
    this.put(batch, by);
  }

  release(): void {
    this.busy = undefined;
  }

  private isOver(): boolean {
    const { batches, slices, records } = this.limits;
    return this.batches.length > batches || this.slices > slices || this.records > records;
  }

  /** One step towards the limits. @returns what went for good, or undefined where nothing can go */
  private shrink(): LedgerBatch | undefined {
    const free = this.batches.filter((batch) => batch !== this.busy);
    const light = free.findIndex((batch, i) => i + 1 < free.length && sliceCount(batch) === 0);
    const [first, second] = [free[light], free[light + 1]];
    if (this.batches.length > this.limits.batches && first && second) {
      this.put(first, []);
      this.put(second, [joined(first, second)]);
      return {};
    }
    const sliced = free.find((batch) => sliceCount(batch) > 0);
    if (sliced) {
      this.put(sliced, recordCount(sliced) > 0 ? [withoutSlices(sliced)] : []);
      return { slices: sliced.slices };
    }
    const [oldest] = free;
    if (oldest) this.put(oldest, []);
    return oldest;
  }

  private put(batch: LedgerBatch, by: readonly LedgerBatch[]): void {
    const at = this.batches.indexOf(batch);
    if (at < 0) return;
    this.batches.splice(at, 1, ...by);
    this.count(batch, -1);
    for (const each of by) this.count(each, 1);
  }

  private count(batch: LedgerBatch, sign: 1 | -1): void {
    this.slices += sign * sliceCount(batch);
    this.records += sign * recordCount(batch);
  }
}
