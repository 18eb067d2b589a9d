import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { DeviceWindow } from "../../model/cut.ts";
import { COUNTED, COUNTED_FROM } from "./slice-sql.ts";
import { countedSlice } from "./counted-slice.ts";

/** Whole windows of the device inside the correction's, a page at a time. */
const PAGE = `
  SELECT ${COUNTED}, g.uuid AS gpuUuid, s.owner_id AS writtenOwnerId, s.label_id AS writtenLabelId,
    (@ownerId IS NULL OR s.owner_id = @ownerId) AND o.kind != 'unobserved' AS isTarget
  FROM ${COUNTED_FROM} JOIN gpus g ON g.id = s.gpu_id JOIN owners o ON o.id = s.owner_id
  WHERE s.gpu_id = @gpuId AND s.from_ms >= @fromMs AND s.from_ms < @toMs AND s.to_ms <= @toMs
  ORDER BY s.from_ms, s.sequence LIMIT 10000`;

const targetRow = countedSlice.extend({
  writtenOwnerId: z.int(),
  writtenLabelId: z.int(),
  isTarget: z.int().transform((value) => value === 1),
});

/** A slice of a corrected window; `isTarget` where the correction holds for it. */
export type Target = z.infer<typeof targetRow>;

export interface TargetWindow extends DeviceWindow {
  gpuId: number;
  slices: readonly Target[];
}

export interface TargetQuery {
  gpuId: number;
  fromMs: number;
  toMs: number;
  ownerId: number | null;
}

/** Windows wholly inside the query's that have a target. What was yielded may be written meanwhile. */
export function* targetWindows(db: Database, query: TargetQuery): Generator<TargetWindow> {
  const statement = db.prepare(PAGE);
  let { fromMs } = query;
  for (;;) {
    const { gpuId, toMs, ownerId } = query;
    const page = z.array(targetRow).parse(statement.all({ gpuId, toMs, ownerId, fromMs }));
    const last = page.at(-1);
    if (!last) return;
    const first = page[0]?.fromMs;
    // The last window of a page may go on in the next one, unless it is all of the page.
    const isWhole = first === last.fromMs;
    const whole = page.filter((slice) => isWhole || slice.fromMs < last.fromMs);
    yield* windowsOf(whole);
    fromMs = isWhole ? last.fromMs + 1 : last.fromMs;
  }
}

function* windowsOf(slices: readonly Target[]): Generator<TargetWindow> {
  for (let i = 0; i < slices.length;) {
    const first = slices[i];
    if (!first) return;
    let end = i;
    while (slices[end]?.fromMs === first.fromMs) end += 1;
    const { gpuId, gpuUuid, fromMs, toMs } = first;
    const own = slices.slice(i, end);
    if (own.some((slice) => slice.isTarget)) yield { gpuId, gpuUuid, fromMs, toMs, slices: own };
    i = end;
  }
}
