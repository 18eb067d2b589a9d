import type { Slice } from "../model/slice.ts";
import type { GapRecord } from "./contract.ts";

/** A stretch of one device whose slices were measured but could not be kept. */
interface Loss {
  node: string;
  gpuUuid: string;
  fromMs: number;
  toMs: number;
  why: string;
  sliceCount: number;
}

const MAX_LOSSES = 1000;

/** What was lost and is not written down yet. Stretches that touch are one; their number is bounded. */
export class Losses {
  private losses: Loss[] = [];

  get size(): number {
    return this.losses.length;
  }

  addSlices(slices: readonly Slice[], why: string): void {
    for (const { node, gpuUuid, fromMs, toMs } of slices)
      this.add({ node, gpuUuid, fromMs, toMs, why, sliceCount: 1 });
  }

  private add(loss: Loss): void {
    // A slice refused for its times has no stretch that a gap could name.
    if (!isWindow(loss)) return;
    const full = this.losses.length >= MAX_LOSSES;
    const known = this.losses.findLast(
      (each) => sameKind(each, loss) && (full || touches(each, loss)),
    );
    if (!known) {
      this.losses.push({ ...loss });
      return;
    }
    known.fromMs = Math.min(known.fromMs, loss.fromMs);
    known.toMs = Math.max(known.toMs, loss.toMs);
    known.sliceCount += loss.sliceCount;
  }

  /** All of them as records to be written, out of here. */
  take(): GapRecord[] {
    const taken = this.losses.map(gapOf);
    this.losses = [];
    return taken;
  }
}

function isWindow({ fromMs, toMs }: Loss): boolean {
  return Number.isSafeInteger(fromMs) && Number.isSafeInteger(toMs) && fromMs < toMs;
}

function sameKind(a: Loss, b: Loss): boolean {
  return a.gpuUuid === b.gpuUuid && a.node === b.node && a.why === b.why;
}

function touches(a: Loss, b: Loss): boolean {
  return a.fromMs <= b.toMs && b.fromMs <= a.toMs;
}

function gapOf({ node, gpuUuid, fromMs, toMs, why, sliceCount }: Loss): GapRecord {
  const reason = `${sliceCount} measured slices were not kept: ${why}`;
  return { node, gpuUuid, fromMs, toMs, source: "ledger", reason };
}
