import type { DeviceCoverage, GapRecord, UnobservedSpan } from "../ledger/contract.ts";
import { type Window, intersect } from "../model/window.ts";
import type { BilledGpu } from "./usage.ts";

/** A stretch in which a device was, wholly or in part, not observed. */
export interface UnobservedStretch extends Window {
  gpuUuid: string;
  node: string;
  unobservedMs: number;
  /** True where there is no slice at all, false where slices say `unobserved`. */
  hole: boolean;
  /** What the ledger's gap records say about it; empty where none does. */
  reasons: readonly string[];
}

/**
 * Where the unobserved time of each device lies. Found from the slices' times alone, not from the
 * sums that the bill is made of, so that the two can be held against each other.
 */
export function unobservedStretches(
  coverage: readonly DeviceCoverage[],
  gpus: readonly BilledGpu[],
  gaps: readonly GapRecord[],
): UnobservedStretch[] {
  const byGpu = new Map(coverage.map((each) => [each.gpuUuid, each]));
  return gpus.flatMap((billed) => {
    const { uuid: gpuUuid, node } = billed.gpu;
    const { covered = [], unobserved = [] } = byGpu.get(gpuUuid) ?? {};
    const found = [...holes(billed, covered), ...unobserved.map(saidSo)];
    return joined(found.sort((a, b) => a.fromMs - b.fromMs)).map((stretch) => ({
      ...stretch,
      gpuUuid,
      node,
      reasons: reasonsFor(stretch, gpuUuid, node, gaps),
    }));
  });
}

type Stretch = Pick<UnobservedStretch, "fromMs" | "toMs" | "unobservedMs" | "hole">;

/** Stretches of which no slice speaks. */
function holes(known: Window, covered: readonly Window[]): Stretch[] {
  const out: Stretch[] = [];
  let at = known.fromMs;
  for (const { fromMs, toMs } of [...covered, { fromMs: known.toMs, toMs: known.toMs }]) {
    if (fromMs > at) out.push({ fromMs: at, toMs: fromMs, unobservedMs: fromMs - at, hole: true });
    at = Math.max(at, toMs);
  }
  return out;
}

/** Windows whose slices say that (a part of) them was not observed. */
function saidSo({ fromMs, toMs, timeMs }: UnobservedSpan): Stretch {
  return { fromMs, toMs, unobservedMs: timeMs, hole: false };
}

/** Neighbouring stretches of one kind made one. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const out: Stretch[] = [];
  for (const stretch of stretches) {
    const last = out.at(-1);
    if (last && last.hole === stretch.hole && last.toMs === stretch.fromMs) {
      last.toMs = stretch.toMs;
      last.unobservedMs += stretch.unobservedMs;
    } else out.push({ ...stretch });
  }
  return out;
}

function reasonsFor(
  stretch: Window,
  gpuUuid: string,
  node: string,
  gaps: readonly GapRecord[],
): string[] {
  const about = gaps.filter(
    (gap) =>
      gap.node === node &&
      (gap.gpuUuid === undefined || gap.gpuUuid === gpuUuid) &&
      intersect(gap, stretch),
  );
  return [...new Set(about.map((gap) => `${gap.source}: ${gap.reason}`))];
}
