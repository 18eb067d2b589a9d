import type { GapRecord, LedgerReader, StoredSlice } from "../ledger/contract.ts";
import { UNOBSERVED, ownerKey } from "../model/owner.ts";
import { type Window, intersect, windowLengthMs } from "../model/window.ts";
import { cutStraddlers } from "./cut.ts";
import { groupedBy } from "./group.ts";
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

const PAGE = 5000;

/**
 * Where the unobserved time of each device lies. Found from the slices' times alone, not from the
 * sums that the bill is made of, so that the two can be held against each other.
 */
export async function unobservedStretches(
  ledger: LedgerReader,
  window: Window,
  gpus: readonly BilledGpu[],
  straddlers: readonly StoredSlice[],
  gaps: readonly GapRecord[],
): Promise<UnobservedStretch[]> {
  const out: UnobservedStretch[] = [];
  for (const billed of gpus) {
    const own = straddlers.filter((slice) => slice.gpuUuid === billed.gpu.uuid);
    const found = [
      ...(await holes(ledger, billed, own)),
      ...(await saidSo(ledger, window, billed.gpu.uuid, own)),
    ].sort((a, b) => a.fromMs - b.fromMs);
    const { uuid: gpuUuid, node } = billed.gpu;
    for (const stretch of joined(found))
      out.push({ ...stretch, gpuUuid, node, reasons: reasonsFor(stretch, gpuUuid, node, gaps) });
  }
  return out;
}

type Stretch = Pick<UnobservedStretch, "fromMs" | "toMs" | "unobservedMs" | "hole">;

async function holes(
  ledger: LedgerReader,
  { gpu, ...known }: BilledGpu,
  straddlers: readonly StoredSlice[],
): Promise<Stretch[]> {
  const segments = await ledger.segments({ ...known, gpuUuid: gpu.uuid });
  const covered = [...segments, ...straddlers]
    .flatMap((each) => intersect(each, known) ?? [])
    .sort((a, b) => a.fromMs - b.fromMs);
  const out: Stretch[] = [];
  let at = known.fromMs;
  for (const { fromMs, toMs } of [...covered, { fromMs: known.toMs, toMs: known.toMs }]) {
    if (fromMs > at) out.push({ fromMs: at, toMs: fromMs, unobservedMs: fromMs - at, hole: true });
    at = Math.max(at, toMs);
  }
  return out;
}

/** Windows whose slices say that (a part of) them was not observed. */
async function saidSo(
  ledger: LedgerReader,
  window: Window,
  gpuUuid: string,
  straddlers: readonly StoredSlice[],
): Promise<Stretch[]> {
  const key = ownerKey(UNOBSERVED);
  const out: Stretch[] = [];
  const query = { ...window, gpuUuid, ownerKey: key, limit: PAGE };
  let page = await ledger.slices(query);
  while (page.length > 0) {
    for (const { fromMs, toMs, timeMs } of page) {
      const inside = window.fromMs <= fromMs && toMs <= window.toMs;
      if (inside && timeMs > 0) out.push({ fromMs, toMs, unobservedMs: timeMs, hole: false });
    }
    page = await ledger.slices({ ...query, afterSequence: page.at(-1)?.sequence });
  }
  return [...out, ...cutAtEnds(window, straddlers, key)];
}

/** The unobserved parts of the slices that the window's ends cut. */
function cutAtEnds(window: Window, straddlers: readonly StoredSlice[], key: string): Stretch[] {
  const byStart = groupedBy(straddlers, (slice) => String(slice.fromMs));
  const out: Stretch[] = [];
  for (const slices of byStart.values()) {
    const [first] = slices;
    const part = first && intersect(first, window);
    if (!part || windowLengthMs(part) === windowLengthMs(first)) continue;
    const unobservedMs = cutStraddlers(slices, [window.fromMs, window.toMs])
      .filter((piece) => piece.ownerKey === key)
      .reduce((acc, piece) => acc + piece.timeMs, 0);
    if (unobservedMs > 0) out.push({ ...part, unobservedMs, hole: false });
  }
  return out;
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
