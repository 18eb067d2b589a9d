import { join } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";

const row = z.object({
  gpu: z.string(),
  fromMs: z.number(),
  toMs: z.number(),
  parts: z.number(),
  timeMs: z.number(),
});

export type LedgerWindow = z.infer<typeof row>;

/** The windows of a ledger file, straight from SQLite: what is on disk, not what the program says. */
export function windowsOf(stateDir: string): LedgerWindow[] {
  return query(
    stateDir,
    row,
    `SELECT g.uuid AS gpu, s.from_ms AS fromMs, s.to_ms AS toMs, count(*) AS parts,
       sum(s.time_ms) AS timeMs
     FROM slices s JOIN gpus g ON g.id = s.gpu_id
     GROUP BY s.gpu_id, s.from_ms, s.to_ms ORDER BY g.uuid, s.from_ms`,
  );
}

const gapRow = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  source: z.string(),
  reason: z.string(),
});

export function gapsOf(stateDir: string): z.infer<typeof gapRow>[] {
  return query(
    stateDir,
    gapRow,
    "SELECT from_ms AS fromMs, to_ms AS toMs, source, reason FROM gaps ORDER BY from_ms",
  );
}

/** What is wrong with a ledger's windows: not whole, or overlapping. Empty when all is well. */
export function brokenWindows(windows: readonly LedgerWindow[]): string[] {
  const broken = windows
    .filter((window) => window.timeMs !== window.toMs - window.fromMs)
    .map((window) => `${window.gpu} ${window.fromMs}: ${window.timeMs} ms`);
  for (const [i, window] of windows.entries()) {
    const next = windows[i + 1];
    if (next?.gpu === window.gpu && next.fromMs < window.toMs)
      broken.push(`${window.gpu} ${next.fromMs} begins before ${window.toMs}`);
  }
  return broken;
}

function query<T extends z.ZodType>(stateDir: string, schema: T, sql: string): z.infer<T>[] {
  const db = new Database(join(stateDir, "ledger.sqlite"), { readonly: true });
  try {
    return z.array(schema).parse(db.prepare(sql).all());
  } finally {
    db.close();
  }
}
