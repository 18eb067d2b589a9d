import type { Database } from "better-sqlite3";
import { z } from "zod";
import { amountsWithin } from "../../model/cut.ts";
import { HOUR_MS, hourAt, hourWindow } from "../../model/hour.ts";
import { type Window, intersect, windowLengthMs } from "../../model/window.ts";
import type { DeviceCoverage, UnobservedSpan } from "../contract.ts";
import { type PrunedHour, prunedHour } from "./cut-hour.ts";
import { countedSlice } from "./counted-slice.ts";
import { windowsOf } from "./edges.ts";
import { type DeviceStart, deviceStarts } from "./known-from.ts";
import { prunedBeforeMs } from "./pruned.ts";
import { COUNTED, COUNTED_FROM } from "./slice-sql.ts";

const COVERED = `
  SELECT from_ms AS fromMs, to_ms AS toMs FROM coverage
  WHERE gpu_id = @gpuId AND from_ms < @toMs AND to_ms > @fromMs ORDER BY from_ms`;

const UNOBSERVED = `
  SELECT from_ms AS fromMs, to_ms AS toMs, time_ms AS timeMs FROM unobserved
  WHERE gpu_id = @gpuId AND from_ms < @toMs AND to_ms > @fromMs ORDER BY from_ms`;

const UNOBSERVED_OWNERS = "SELECT id FROM owners WHERE kind = 'unobserved'";

/** Slices of a device that touch a window. */
const TOUCHING = `
  SELECT ${COUNTED}, g.uuid AS gpuUuid FROM ${COUNTED_FROM} JOIN gpus g ON g.id = s.gpu_id
  WHERE s.gpu_id = @gpuId AND s.from_ms < @toMs AND s.to_ms > @fromMs AND s.from_ms >= coalesce(
    (SELECT max(from_ms) FROM slices WHERE gpu_id = @gpuId AND from_ms <= @fromMs), @fromMs)
  ORDER BY s.from_ms, s.sequence`;

const stretches = z.array(z.object({ fromMs: z.int(), toMs: z.int() }));
const spans = z.array(z.object({ fromMs: z.int(), toMs: z.int(), timeMs: z.int() }));

/** Of every device where its slices lie, and where they say `unobserved`: see the contract. */
export function coverage(db: Database, window: Window): DeviceCoverage[] {
  const [coveredRows, unobservedRows] = [db.prepare(COVERED), db.prepare(UNOBSERVED)];
  const prunedMs = prunedBeforeMs(db);
  const prunedParts = cutHours(window).filter((part) => hourEndMs(part) <= prunedMs);
  return deviceStarts(db).map((device) => {
    const { gpuId, gpuUuid, knownFromMs } = device;
    const at = { ...window, gpuId };
    const blurred = prunedParts.flatMap((part) => blurredPart(db, device, part) ?? []);
    const covered = [
      ...stretches.parse(coveredRows.all(at)).flatMap((all) => intersect(all, window) ?? []),
      ...blurred.flatMap((part) => part.covered),
    ];
    const unobserved = [
      ...spans
        .parse(unobservedRows.all(at))
        .filter((span) => !blurred.some((part) => intersect(span, part)))
        .flatMap((span) => inside(db, gpuId, span, window)),
      ...blurred.flatMap((part) => part.unobserved),
    ].sort((a, b) => a.fromMs - b.fromMs);
    return { gpuUuid, knownFromMs, covered: joined(covered), unobserved };
  });
}

/** Parts of hours that an end of the window cuts. */
function cutHours(window: Window): Window[] {
  const ends = [...new Set([hourAt(window.fromMs), hourAt(window.toMs)])];
  return ends.flatMap((hour) => {
    const whole = hourWindow(hour);
    const part = intersect(whole, window);
    return part && (part.fromMs > whole.fromMs || part.toMs < whole.toMs) ? [part] : [];
  });
}

const hourEndMs = ({ fromMs }: Window): number => (hourAt(fromMs) + 1) * HOUR_MS;

/** What of a span lies in the window; where an end cuts it, its slices tell, window by window. */
function inside(
  db: Database,
  gpuId: number,
  span: UnobservedSpan,
  window: Window,
): UnobservedSpan[] {
  const part = intersect(span, window);
  if (!part) return [];
  if (part.fromMs === span.fromMs && part.toMs === span.toMs) return [span];
  const nobodys = new Set(z.array(z.int()).parse(db.prepare(UNOBSERVED_OWNERS).pluck().all()));
  const rows = z.array(countedSlice).parse(db.prepare(TOUCHING).all({ gpuId, ...part }));
  return windowsOf(rows).flatMap(([first, ...rest]) => {
    const own = intersect(first, part);
    if (!own) return [];
    const slices = [first, ...rest];
    const timeMs = amountsWithin(first, slices, own).reduce(
      (sum, amounts, i) => (nobodys.has(slices[i]?.ownerId ?? -1) ? sum + amounts.timeMs : sum),
      0,
    );
    return timeMs > 0 ? [{ ...own, timeMs }] : [];
  });
}

interface BlurredPart extends Window {
  covered: Window[];
  unobserved: UnobservedSpan[];
}

/**
 * The part of an hour whose slices are gone, where a bound cuts what they spoke of: where in those
 * stretches the time of nobody was is not looked up then, but how much each has goes by the arithmetic
 * of the sums. Where no stretch is cut there is nothing to divide, and what is stored holds.
 */
function blurredPart(db: Database, device: DeviceStart, part: Window): BlurredPart | undefined {
  const hour = prunedHour(db, hourAt(part.fromMs), device);
  if (!hour || hour.covered.every((each) => isWithin(each, part))) return undefined;
  const covered = hour.covered.flatMap((each) => intersect(each, part) ?? []);
  const nobodys = new Set(z.array(z.int()).parse(db.prepare(UNOBSERVED_OWNERS).pluck().all()));
  const unobserved = covered.flatMap((each) => {
    const timeMs = windowLengthMs(each) - observedMs(hour, each, nobodys);
    return timeMs > 0 ? [{ ...each, timeMs }] : [];
  });
  return { ...part, covered, unobserved };
}

const isWithin = (inner: Window, outer: Window): boolean =>
  inner.fromMs >= outer.fromMs && inner.toMs <= outer.toMs;

function observedMs(hour: PrunedHour, part: Window, nobodys: ReadonlySet<number>): number {
  return hour
    .rowsIn(part)
    .filter(({ ownerId }) => !nobodys.has(ownerId))
    .reduce((sum, { timeMs }) => sum + timeMs, 0);
}

/** Stretches in order, those that touch or overlap made one. */
function joined(stretchesOf: readonly Window[]): Window[] {
  const out: Window[] = [];
  for (const { fromMs, toMs } of [...stretchesOf].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = out.at(-1);
    if (last && last.toMs >= fromMs) last.toMs = Math.max(last.toMs, toMs);
    else out.push({ fromMs, toMs });
  }
  return out;
}
