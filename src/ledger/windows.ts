import { type Slice, brokenShareLaw } from "../model/slice.ts";
import { HOUR_MS } from "../model/hour.ts";
import { type Window, windowLengthMs } from "../model/window.ts";
import { BatchRejected } from "./rejected.ts";

/** All slices a batch has of one device's window. */
export interface SlicedWindow extends Window {
  gpuUuid: string;
  slices: Slice[];
}

export function nameOf({ gpuUuid, fromMs, toMs }: Omit<SlicedWindow, "slices">): string {
  return `window [${fromMs}, ${toMs}) of ${gpuUuid}`;
}

/**
 * The windows of a batch, those of one device in the order of time.
 * @throws BatchRejected where slices do not sum to their window, or windows of a device overlap
 */
export function slicedWindows(slices: readonly Slice[]): SlicedWindow[] {
  const found = new Map<string, SlicedWindow>();
  for (const slice of slices) {
    const { gpuUuid, fromMs, toMs } = slice;
    const key = `${fromMs} ${toMs} ${gpuUuid}`;
    const known = found.get(key);
    if (known) known.slices.push(slice);
    else found.set(key, { gpuUuid, fromMs, toMs, slices: [slice] });
  }
  const windows = [...found.values()].sort((a, b) => a.fromMs - b.fromMs);
  const ends = new Map<string, number>();
  for (const window of windows) {
    refuseTooLong(window);
    refuseBrokenSum(window);
    const endMs = ends.get(window.gpuUuid);
    if (endMs !== undefined && window.fromMs < endMs)
      throw new BatchRejected("overlap", `${nameOf(window)} overlaps one of its own batch`);
    ends.set(window.gpuUuid, window.toMs);
  }
  return windows;
}

/** Sums are kept by the hour: one window must not make hours without end. */
const MAX_WINDOW_MS = 31 * 24 * HOUR_MS;

function refuseTooLong(window: SlicedWindow): void {
  if (windowLengthMs(window) <= MAX_WINDOW_MS) return;
  throw new BatchRejected("invalid", `${nameOf(window)} is longer than 31 days`);
}

function refuseBrokenSum(window: SlicedWindow): void {
  const broken = brokenShareLaw(
    window,
    window.slices.map(({ owner, timeMs, basis }) => ({ owner, timeMs, basis, pids: [] })),
  );
  if (broken) throw new BatchRejected("share-law", `${nameOf(window)}: ${broken}`);
}
