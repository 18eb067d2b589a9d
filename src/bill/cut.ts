import type { StoredSlice } from "../ledger/contract.ts";
import { ownerKey } from "../model/owner.ts";
import type { Window } from "../model/window.ts";
import { timeBefore } from "./evenly.ts";
import { groupedBy } from "./group.ts";
import { formatInstant } from "./instant.ts";
import type { UsagePiece } from "./piece.ts";
import { unreconciled } from "./unreconciled.ts";

/**
 * Cuts slices that straddle interval bounds into one piece an interval, without losing a
 * millisecond or a millijoule of any owner or of any interval.
 * @param bounds ascending; what lies before the first and after the last is left out
 * @throws AssayError report/unreconciled where the slices of one device's window do not fill it
 */
export function cutStraddlers(
  slices: readonly StoredSlice[],
  bounds: readonly number[],
): UsagePiece[] {
  const distinct = new Map(slices.map((slice) => [slice.sequence, slice])).values();
  const windows = groupedBy(
    distinct,
    ({ gpuUuid, fromMs, toMs }) => `${gpuUuid} ${fromMs} ${toMs}`,
  );
  return [...windows.values()].flatMap((shares) => cutWindow(shares, bounds));
}

function cutWindow(slices: readonly StoredSlice[], bounds: readonly number[]): UsagePiece[] {
  const [first] = slices;
  if (!first) return [];
  const { fromMs, toMs } = first;
  const sum = slices.reduce((acc, slice) => acc + slice.timeMs, 0);
  if (sum !== toMs - fromMs) {
    const place = `GPU ${first.gpuUuid}, ${formatInstant(fromMs)}`;
    throw unreconciled(`Slices sum to ${sum} ms of a ${toMs - fromMs} ms window.`, place);
  }
  const pieces: UsagePiece[] = [];
  for (const [i, from] of bounds.entries()) {
    const interval = { fromMs: from, toMs: bounds[i + 1] ?? from };
    if (interval.fromMs < toMs && fromMs < interval.toMs)
      pieces.push(...inInterval(slices, { fromMs, toMs }, interval));
  }
  return pieces;
}

function inInterval(
  slices: readonly StoredSlice[],
  window: Window,
  interval: Window,
): UsagePiece[] {
  const before = amountsBefore(slices, window, interval.fromMs);
  const after = amountsBefore(slices, window, interval.toMs);
  return slices.map((slice, i) => {
    const timeMs = (after[i]?.timeMs ?? 0) - (before[i]?.timeMs ?? 0);
    const energyMj = (after[i]?.energyMj ?? 0) - (before[i]?.energyMj ?? 0);
    const idleEnergyMj = (after[i]?.idleEnergyMj ?? 0) - (before[i]?.idleEnergyMj ?? 0);
    const isUnmeasured = slice.energyMj === undefined;
    const isSplit = slice.idleEnergyMj !== undefined;
    return {
      ...interval,
      gpuUuid: slice.gpuUuid,
      ownerKey: ownerKey(slice.owner),
      label: slice.label,
      timeMs,
      energyMj,
      energyUnmeasuredMs: isUnmeasured ? timeMs : 0,
      idleEnergyMj,
      dynamicEnergyMj: isSplit ? energyMj - idleEnergyMj : 0,
      energyUnsplitMs: isUnmeasured || isSplit ? 0 : timeMs,
      confidenceMs: slice.confidence * timeMs,
      simulated: slice.simulated,
      recorded: true,
    };
  });
}

/** What of each slice lies before an instant: energy goes with the owner's own time. */
function amountsBefore(
  slices: readonly StoredSlice[],
  window: Window,
  atMs: number,
): { timeMs: number; energyMj: number; idleEnergyMj: number }[] {
  const windowMs = window.toMs - window.fromMs;
  const elapsedMs = Math.min(Math.max(atMs - window.fromMs, 0), windowMs);
  const shares = slices.map((slice) => ({
    key: `${ownerKey(slice.owner)} ${slice.label} ${slice.sequence}`,
    timeMs: slice.timeMs,
  }));
  const times = timeBefore(shares, windowMs, elapsedMs);
  return slices.map((slice, i) => {
    const timeMs = times[i] ?? 0;
    const [part, whole] = slice.timeMs > 0 ? [timeMs, slice.timeMs] : [elapsedMs, windowMs];
    const wholeMj = BigInt(slice.energyMj ?? 0);
    const energyMj = (wholeMj * BigInt(part)) / BigInt(whole);
    // With the energy and not with the time: no cut has more idle energy than energy.
    const idleEnergyMj =
      wholeMj === 0n ? 0n : (BigInt(slice.idleEnergyMj ?? 0) * energyMj) / wholeMj;
    return { timeMs, energyMj: Number(energyMj), idleEnergyMj: Number(idleEnergyMj) };
  });
}
