import type { Database } from "better-sqlite3";
import { noAmounts } from "../../model/amounts.ts";
import { type CutSlice, type DeviceWindow, amountsWithin } from "../../model/cut.ts";
import { HourSums } from "./hour-sums.ts";
import { hourlyParts } from "../../model/hour.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { coverageWriter, unobservedWriter } from "./stretch-writer.ts";

/** A slice by the ledger's numbers, as it counts. */
export interface NumberedSlice extends CutSlice {
  sequence: number;
  ownerId: number;
  labelId: number;
  simulated: number;
  isUnobserved: boolean;
}

/** All slices of one device's window, in the order of their sequence numbers. */
export interface NumberedWindow extends DeviceWindow {
  gpuId: number;
  slices: readonly NumberedSlice[];
}

/** Keeps the derived tables up to date, inside the transaction that writes the slices. */
export interface RollupWriter {
  /** A window that is newer than any other of its device. */
  add(window: NumberedWindow): void;
  /** Writes what `add` collected: before the transaction ends. */
  flush(): void;
  /** After a rollback, or where anything else changed the tables. */
  forget(): void;
}

export function createRollupWriter(db: Database): RollupWriter {
  const hours = new HourSums(db);
  const segments = new SegmentWriter(db);
  const coverage = coverageWriter(db);
  const unobserved = unobservedWriter(db);
  const all = [hours, segments, coverage, unobserved];
  return {
    add(window) {
      const { gpuId, fromMs, toMs, slices } = window;
      coverage.add(gpuId, window, 0);
      for (const { ownerId, ...slice } of slices)
        segments.add(gpuId, ownerId, { ...slice, fromMs, toMs, sliceCount: 1 });
      for (const part of hourlyParts(window)) {
        const unobservedMs = addHour(hours, window, part);
        if (unobservedMs > 0) unobserved.add(gpuId, part, unobservedMs);
      }
    },
    flush: () => all.forEach((each) => each.flush()),
    forget: () => all.forEach((each) => each.forget()),
  };
}

/** @returns the unobserved time of the part */
function addHour(
  hours: HourSums,
  window: NumberedWindow,
  part: { hour: number; fromMs: number; toMs: number },
): number {
  const { gpuId, slices } = window;
  const amounts = amountsWithin(window, slices, part);
  let unobservedMs = 0;
  for (const [i, { ownerId, labelId, simulated, isUnobserved }] of slices.entries()) {
    const own = amounts[i] ?? noAmounts();
    hours.add(part.hour, { gpuId, ownerId, labelId, simulated, ...own });
    if (isUnobserved) unobservedMs += own.timeMs;
  }
  return unobservedMs;
}
