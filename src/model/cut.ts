import { type Amounts, noAmounts } from "./amounts.ts";
import { AssayError } from "./errors.ts";
import { timeBefore } from "./evenly.ts";
import type { Slice } from "./slice.ts";
import { type Window, intersect, windowLengthMs } from "./window.ts";

/** What of a slice can be summed. */
export type CutSlice = Pick<Slice, "timeMs" | "energyMj" | "idleEnergyMj" | "confidence">;

/** A window of one device. */
export interface DeviceWindow extends Window {
  gpuUuid: string;
}

/** A whole slice's amounts. */
export function amountsOf({ timeMs, energyMj, idleEnergyMj, confidence }: CutSlice): Amounts {
  const isUnmeasured = energyMj === undefined;
  const isSplit = !isUnmeasured && idleEnergyMj !== undefined;
  return {
    timeMs,
    energyMj: energyMj ?? 0,
    energyUnmeasuredMs: isUnmeasured ? timeMs : 0,
    idleEnergyMj: idleEnergyMj ?? 0,
    dynamicEnergyMj: isSplit ? energyMj - idleEnergyMj : 0,
    energyUnsplitMs: isUnmeasured || isSplit ? 0 : timeMs,
    confidenceMs: confidenceMsOf({ confidence, timeMs }),
    sliceCount: 1,
  };
}

/** Rounded as `cast(confidence * time_ms + 0.5 AS INTEGER)` rounds in SQLite, to the last bit. */
function confidenceMsOf({ confidence, timeMs }: Pick<Slice, "confidence" | "timeMs">): number {
  return Math.floor(confidence * timeMs + 0.5);
}

/**
 * The amounts of a window's slices that lie in `part`, in the order of `slices`. Cut at any instants,
 * the parts sum to the whole, slice by slice, and each part to its own length (evenly.ts): energy and
 * confidence go with the slice's own time.
 * @param slices all slices of the window, in the order in which they were recorded: it decides ties
 * @throws AssayError report/unreconciled where a window that is cut is not filled by its slices
 */
export function amountsWithin(
  window: DeviceWindow,
  slices: readonly CutSlice[],
  part: Window,
): Amounts[] {
  if (part.fromMs <= window.fromMs && window.toMs <= part.toMs) return slices.map(amountsOf);
  const inside = intersect(window, part);
  if (!inside) return slices.map(noAmounts);
  refuseUnfilled(window, slices);
  const before = amountsBefore(window, slices, inside.fromMs);
  const after = amountsBefore(window, slices, inside.toMs);
  const begins = part.fromMs <= window.fromMs ? 1 : 0;
  return slices.map((slice, i) => {
    const timeMs = (after[i]?.timeMs ?? 0) - (before[i]?.timeMs ?? 0);
    const energyMj = (after[i]?.energyMj ?? 0) - (before[i]?.energyMj ?? 0);
    const idleEnergyMj = (after[i]?.idleEnergyMj ?? 0) - (before[i]?.idleEnergyMj ?? 0);
    const isUnmeasured = slice.energyMj === undefined;
    const isSplit = slice.idleEnergyMj !== undefined;
    return {
      timeMs,
      energyMj,
      energyUnmeasuredMs: isUnmeasured ? timeMs : 0,
      idleEnergyMj,
      dynamicEnergyMj: isSplit ? energyMj - idleEnergyMj : 0,
      energyUnsplitMs: isUnmeasured || isSplit ? 0 : timeMs,
      confidenceMs: (after[i]?.confidenceMs ?? 0) - (before[i]?.confidenceMs ?? 0),
      sliceCount: begins,
    };
  });
}

function refuseUnfilled(window: DeviceWindow, slices: readonly CutSlice[]): void {
  const sum = slices.reduce((acc, slice) => acc + slice.timeMs, 0);
  const whole = windowLengthMs(window);
  if (sum === whole) return;
  throw new AssayError("report/unreconciled", `Slices sum to ${sum} ms of a ${whole} ms window.`, {
    place: `GPU ${window.gpuUuid}, window [${window.fromMs}, ${window.toMs}) in Unix milliseconds`,
    hint: "check the ledger; report a window without the place named here meanwhile",
  });
}

type Before = Pick<Amounts, "timeMs" | "energyMj" | "idleEnergyMj" | "confidenceMs">;

/** What of each slice lies before an instant. */
function amountsBefore(window: Window, slices: readonly CutSlice[], atMs: number): Before[] {
  const windowMs = windowLengthMs(window);
  const elapsedMs = atMs - window.fromMs;
  const shares = slices.map(({ timeMs }) => ({ key: "", timeMs }));
  const times = timeBefore(shares, windowMs, elapsedMs);
  return slices.map((slice, i) => {
    const timeMs = times[i] ?? 0;
    const [part, whole] = slice.timeMs > 0 ? [timeMs, slice.timeMs] : [elapsedMs, windowMs];
    const energyMj = proportion(slice.energyMj ?? 0, part, whole);
    return {
      timeMs,
      energyMj,
      // With the energy and not with the time: no cut has more idle energy than energy.
      idleEnergyMj: proportion(slice.idleEnergyMj ?? 0, energyMj, slice.energyMj ?? 0),
      confidenceMs: proportion(confidenceMsOf(slice), part, whole),
    };
  });
}

/** Rounded down, so that it only grows with `part`; all of it where `part` is the whole. */
export function proportion(amount: number, part: number, whole: number): number {
  return whole === 0 ? 0 : Number((BigInt(amount) * BigInt(part)) / BigInt(whole));
}
