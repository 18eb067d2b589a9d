import type { Database } from "better-sqlite3";
import { z } from "zod";
import { prunedBeforeMs } from "./pruned.ts";

const AROUND = `
  SELECT from_ms AS fromMs, to_ms AS toMs FROM slices
  WHERE gpu_id = @gpuId AND from_ms < @atMs ORDER BY from_ms DESC LIMIT 1`;

/** Of a device whose first slices are gone, what is left of where they were. */
const COVERED = `
  SELECT from_ms AS fromMs, to_ms AS toMs FROM coverage
  WHERE gpu_id = @gpuId ORDER BY from_ms LIMIT 1`;

const GPUS = `SELECT id AS gpuId, uuid AS gpuUuid, first_seen_ms AS firstSeenMs FROM gpus ORDER BY id`;

const stretch = z.object({ fromMs: z.int(), toMs: z.int() }).optional();
const gpuRow = z.object({ gpuId: z.int(), gpuUuid: z.string(), firstSeenMs: z.int() });

export interface DeviceStart {
  gpuId: number;
  gpuUuid: string;
  /** When it was first seen, or the beginning of the window that it was first seen in. */
  knownFromMs: number;
}

export function deviceStarts(db: Database): DeviceStart[] {
  const prunedMs = prunedBeforeMs(db);
  const rows = z.array(gpuRow).parse(db.prepare(GPUS).all());
  const [around, covered] = [db.prepare(AROUND), db.prepare(COVERED)];
  return rows.map(({ gpuId, gpuUuid, firstSeenMs: atMs }) => {
    const at = { gpuId, atMs };
    const found = stretch.parse(atMs < prunedMs ? covered.get({ gpuId }) : around.get(at));
    const isAcross = found && found.fromMs < atMs && atMs < found.toMs;
    return { gpuId, gpuUuid, knownFromMs: isAcross ? found.fromMs : atMs };
  });
}
