import type {
  ChainHead,
  GapRecord,
  KnownGpu,
  KnownOwner,
  LedgerReader,
  SliceQuery,
  StoredSlice,
  UsageRow,
} from "../../src/ledger/contract.ts";
import { ownerKey } from "../../src/model/owner.ts";
import { type Slice, toSegments } from "../../src/model/slice.ts";
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
    return toSegments(this.matching(query)).slice(0, query.limit);
  }

  async usage(window: Window): Promise<UsageRow[]> {
    const rows = new Map<string, UsageRow>();
    for (const slice of this.stored) {
      if (slice.fromMs < window.fromMs || slice.toMs > window.toMs) continue;
      const { gpuUuid, label, simulated, timeMs, energyMj, idleEnergyMj } = slice;
      const key = JSON.stringify([gpuUuid, ownerKey(slice.owner), label, simulated]);
      const row = rows.get(key) ?? {
        gpuUuid,
        ownerKey: ownerKey(slice.owner),
        label,
        timeMs: 0,
        energyMj: 0,
        energyUnmeasuredMs: 0,
        idleEnergyMj: 0,
        dynamicEnergyMj: 0,
        energyUnsplitMs: 0,
        sliceCount: 0,
        simulated,
      };
      row.timeMs += timeMs;
      row.energyMj += energyMj ?? 0;
      row.energyUnmeasuredMs += energyMj === undefined ? timeMs : 0;
      row.idleEnergyMj += idleEnergyMj ?? 0;
      if (energyMj !== undefined && idleEnergyMj !== undefined)
        row.dynamicEnergyMj += energyMj - idleEnergyMj;
      else if (energyMj !== undefined) row.energyUnsplitMs += timeMs;
      row.sliceCount += 1;
      rows.set(key, row);
    }
    return [...rows.values()];
  }

  async straddling(atMs: number): Promise<StoredSlice[]> {
    return this.stored.filter((slice) => slice.fromMs < atMs && atMs < slice.toMs);
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
