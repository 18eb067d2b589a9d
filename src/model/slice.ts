import type { Evidence } from "./evidence.ts";
import type { Label } from "./label.ts";
import { type Owner, ownerKey } from "./owner.ts";
import { type Window, windowLengthMs } from "./window.ts";

/** How a share was found, so that a bill can say what it rests on. */
export type ShareBasis =
  | "process-utilization" // split by each process's own SM use
  | "sole-process" // one process held the device
  | "memory-held" // several processes, no per-process use: split by memory held
  | "equal-split" // several processes and nothing to weigh them by
  | "unmeasured-rest" // use that the measured processes leave, among those whose use is not told
  | "mps-utilization" // clients of an MPS server, split by each one's own SM use: they run at once
  | "mps-memory-held" // clients of an MPS server, no use told: split by memory held
  | "mps-equal-split" // clients of an MPS server and nothing to weigh them by
  | "mps-server-only" // busy through an MPS server whose clients cannot be seen
  | "no-process-source" // busy, and nothing looked at processes
  | "partial-list" // busy beyond what was seen, and not all processes can be seen from here
  | "nobody-seen" // busy, a working collector looked, and no process was there
  | "hidden-process" // the driver names a process that the host, whose processes are all shown, lacks
  | "device" // idle: said by the device itself
  | "own-measurement" // the agent's own launches, as each was timed
  | "no-sample"; // nobody measured

/** Use of a device that no visible process explains, though whoever looked would have seen one. */
export interface UnexplainedUse {
  /** Of the device, and of the listed processes together: means over `overMs`, 0..1. */
  deviceUse: number;
  visibleUse: number;
  /** Milliseconds of the window that lists speak for which were read while the device was so used. */
  overMs: number;
  /** How many such lists there were, when the last was read, and how many processes it named. */
  lists: number;
  lastListAtMs: number;
  listed: number;
  /** Processes that the driver names and the host lacks, ascending. */
  unlistedPids: readonly number[];
}

/** An owner's part of one device's window. The parts of a window sum to it exactly. */
export interface Share {
  owner: Owner;
  timeMs: number;
  /** Absent where energy was not measured. */
  energyMj?: number | undefined;
  /** The part of `energyMj` that the device draws anyway, as long as it is on; absent where unknown. */
  idleEnergyMj?: number | undefined;
  basis: ShareBasis;
  pids: readonly number[];
  /** Of nobody's share, where that is suspicious. */
  unexplained?: UnexplainedUse | undefined;
}

/** A share with its verdict: what the ledger keeps. */
export interface Slice extends Window {
  node: string;
  gpuUuid: string;
  owner: Owner;
  timeMs: number;
  energyMj?: number | undefined;
  /** See {@link Share.idleEnergyMj}. */
  idleEnergyMj?: number | undefined;
  basis: ShareBasis;
  label: Label;
  confidence: number;
  evidence: readonly Evidence[];
  modelVersion: string;
  agentVersion: string;
  simulated: boolean;
}

/** Contiguous slices of one device, owner and label, summed: derived from slices, never edited. */
export interface Segment extends Window {
  gpuUuid: string;
  ownerKey: string;
  label: Label;
  timeMs: number;
  energyMj?: number | undefined;
  sliceCount: number;
}

/**
 * The law of the window: whole, non-negative milliseconds that sum to the window's length.
 * @returns what is broken, or undefined
 */
export function brokenShareLaw(window: Window, shares: readonly Share[]): string | undefined {
  const bad = shares.find((share) => !Number.isInteger(share.timeMs) || share.timeMs < 0);
  if (bad) return `share of ${ownerKey(bad.owner)} is ${bad.timeMs} ms`;
  const sum = shares.reduce((acc, share) => acc + share.timeMs, 0);
  const whole = windowLengthMs(window);
  return sum === whole ? undefined : `shares sum to ${sum} ms of a ${whole} ms window`;
}

/** Merges contiguous slices of one device, owner and label into segments, in any order of input. */
export function toSegments(slices: readonly Slice[]): Segment[] {
  const sorted = [...slices].sort(
    (a, b) =>
      compare(a.gpuUuid, b.gpuUuid) ||
      compare(ownerKey(a.owner), ownerKey(b.owner)) ||
      a.fromMs - b.fromMs,
  );
  const segments: Segment[] = [];
  for (const slice of sorted) {
    const last = segments.at(-1);
    if (last && continues(last, slice)) extend(last, slice);
    else segments.push(segmentOf(slice));
  }
  return segments;
}

function segmentOf(slice: Slice): Segment {
  const { gpuUuid, fromMs, toMs, label, timeMs, energyMj } = slice;
  const key = ownerKey(slice.owner);
  return { gpuUuid, ownerKey: key, label, fromMs, toMs, timeMs, energyMj, sliceCount: 1 };
}

/** Measured and unmeasured energy never share a segment: their sum would be neither. */
function continues(segment: Segment, slice: Slice): boolean {
  return (
    segment.gpuUuid === slice.gpuUuid &&
    segment.ownerKey === ownerKey(slice.owner) &&
    segment.label === slice.label &&
    segment.toMs === slice.fromMs &&
    (segment.energyMj === undefined) === (slice.energyMj === undefined)
  );
}

function extend(segment: Segment, slice: Slice): void {
  segment.toMs = slice.toMs;
  segment.timeMs += slice.timeMs;
  segment.sliceCount += 1;
  if (segment.energyMj !== undefined && slice.energyMj !== undefined)
    segment.energyMj += slice.energyMj;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
