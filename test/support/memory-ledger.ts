import type {
  ChainHead,
  DeviceCoverage,
  GapRecord,
  IntervalUsage,
  KnownGpu,
  KnownOwner,
  LedgerReader,
  SliceQuery,
  StoredSlice,
  UnobservedSpan,
  UsageRow,
} from "../../src/ledger/contract.ts";
import { addAmounts, noAmounts } from "../../src/model/amounts.ts";
import { amountsWithin } from "../../src/model/cut.ts";
import { hourlyParts } from "../../src/model/hour.ts";
import { ownerKey } from "../../src/model/owner.ts";
import { type Segment, type Slice, toSegments } from "../../src/model/slice.ts";
import { type Window, intersect } from "../../src/model/window.ts";

export interface MemoryLedgerContent {
  gpus?: readonly KnownGpu[];
  slices?: readonly Slice[];
  gaps?: readonly GapRecord[];
  owners?: readonly KnownOwner[];
}

/** A reader of slices held in memory, to the letter of the ledger's contract. */
export class MemoryLedger implements LedgerReader {
  private readonly stored: StoredSlice[];
  private readonly known: readonly KnownGpu[];
  private readonly gapRecords: readonly GapRecord[];

  private readonly knownOwners: readonly KnownOwner[];

  constructor({ gpus = [], slices = [], gaps = [], owners = [] }: MemoryLedgerContent) {
    this.knownOwners = owners;
    this.stored = slices.map((slice, i) => ({ ...slice, sequence: i + 1 }));
    this.known = gpus;
    this.gapRecords = gaps;
  }

  async chainHead(): Promise<ChainHead> {
    return { sequence: 1, hash: "0".repeat(64), atMs: 0 };
  }

  async slices(query: SliceQuery): Promise<StoredSlice[]> {
    const after = query.afterSequence ?? 0;
    return this.matching(query)
      .filter((slice) => slice.sequence > after)
      .slice(0, query.limit);
  }

  async segments(query: Omit<SliceQuery, "afterSequence">) {
    const fits = (segment: Segment): boolean =>
      intersect(segment, query) !== undefined &&
      (query.gpuUuid === undefined || segment.gpuUuid === query.gpuUuid) &&
      (query.ownerKey === undefined || segment.ownerKey === query.ownerKey) &&
      (query.label === undefined || segment.label === query.label);
    return toSegments(this.stored).filter(fits).slice(0, query.limit);
  }

  async usage(bounds: readonly number[]): Promise<IntervalUsage[]> {
    return bounds.slice(1).map((toMs, i) => {
      const interval = { fromMs: bounds[i] ?? toMs, toMs };
      return { ...interval, rows: this.rowsOf(interval) };
    });
  }

  async coverage(window: Window): Promise<DeviceCoverage[]> {
    return this.known.map(({ uuid, firstSeenMs }) => {
      const own = this.windows().filter(([first]) => first.gpuUuid === uuid);
      const covered: Window[] = [];
      const unobserved: UnobservedSpan[] = [];
      for (const [first, ...rest] of own.sort(([a], [b]) => a.fromMs - b.fromMs)) {
        const part = intersect(first, window);
        if (!part) continue;
        const last = covered.at(-1);
        if (last && last.toMs >= part.fromMs) last.toMs = Math.max(last.toMs, part.toMs);
        else covered.push({ ...part });
        for (const { fromMs, toMs } of hourlyParts(part)) {
          const amounts = amountsWithin(first, [first, ...rest], { fromMs, toMs });
          const timeMs = [first, ...rest].reduce(
            (sum, { owner }, i) =>
              owner.kind === "unobserved" ? sum + (amounts[i]?.timeMs ?? 0) : sum,
            0,
          );
          if (timeMs > 0) unobserved.push({ fromMs, toMs, timeMs });
        }
      }
      const around = own.filter(([{ fromMs, toMs }]) => fromMs < firstSeenMs && firstSeenMs < toMs);
      const knownFromMs = Math.min(firstSeenMs, ...around.map(([first]) => first.fromMs));
      return { gpuUuid: uuid, knownFromMs, covered, unobserved };
    });
  }

  async acts() {
    return [];
  }

  async gpus(): Promise<KnownGpu[]> {
    return [...this.known];
  }

  async gaps(window: Window): Promise<GapRecord[]> {
    return this.gapRecords.filter((gap) => intersect(gap, window));
  }

  async incidents() {
    return [];
  }

  async incidentHistory() {
    return [];
  }

  async owners() {
    return [...this.knownOwners];
  }

  async processes() {
    return [];
  }

  async contexts() {
    return [];
  }

  async calibrations() {
    return [];
  }

  async calibrationHistory() {
    return [];
  }

  async extent(): Promise<Window | undefined> {
    if (this.stored.length === 0) return undefined;
    return {
      fromMs: Math.min(...this.stored.map((slice) => slice.fromMs)),
      toMs: Math.max(...this.stored.map((slice) => slice.toMs)),
    };
  }

  async lastSliceEnds(): Promise<Map<string, number>> {
    const ends = new Map<string, number>();
    for (const { gpuUuid, toMs } of this.stored)
      ends.set(gpuUuid, Math.max(toMs, ends.get(gpuUuid) ?? toMs));
    return ends;
  }

  private rowsOf(interval: Window): UsageRow[] {
    const rows = new Map<string, UsageRow>();
    for (const [first, ...rest] of this.windows()) {
      if (!intersect(first, interval)) continue;
      const all = [first, ...rest];
      const amounts = amountsWithin(first, all, interval);
      for (const [i, slice] of all.entries()) {
        const { gpuUuid, label, simulated } = slice;
        const key = { gpuUuid, ownerKey: ownerKey(slice.owner), label, simulated };
        const row = rows.get(JSON.stringify(key)) ?? { ...key, ...noAmounts() };
        addAmounts(row, amounts[i] ?? noAmounts());
        rows.set(JSON.stringify(key), row);
      }
    }
    return [...rows.values()];
  }

  /** All slices, window by window. */
  private windows(): [StoredSlice, ...StoredSlice[]][] {
    const windows = new Map<string, [StoredSlice, ...StoredSlice[]]>();
    for (const slice of this.stored) {
      const key = `${slice.gpuUuid} ${slice.fromMs} ${slice.toMs}`;
      const known = windows.get(key);
      if (known) known.push(slice);
      else windows.set(key, [slice]);
    }
    return [...windows.values()];
  }

  private matching(query: SliceQuery): StoredSlice[] {
    return this.stored.filter(
      (slice) =>
        intersect(slice, query) &&
        (query.gpuUuid === undefined || slice.gpuUuid === query.gpuUuid) &&
        (query.ownerKey === undefined || ownerKey(slice.owner) === query.ownerKey) &&
        (query.label === undefined || slice.label === query.label),
    );
  }
}
