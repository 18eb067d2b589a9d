import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { verified } from "./chain/support.ts";
import { opened, tempDir } from "./fixtures/make.ts";

const SCRIPT = fileURLToPath(new URL("./fixtures/kill-loop.mjs", import.meta.url));
const ROUNDS = Number(process.env["ASSAY_KILL_ROUNDS"] ?? 25);
const SEED = Number(process.env["ASSAY_KILL_SEED"] ?? Date.now() % 100_000);

/**
 * Runs the loop and kills it some time after its first acknowledgement.
 * @returns the numbers of the batches it acknowledged, all it wrote to the pipe included
 */
async function killedRun(stateDir: string, aliveMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [SCRIPT, stateDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  setTimeout(() => child.kill("SIGKILL"), aliveMs);
  const [, signal] = await closed;
  expect(signal).toBe("SIGKILL");
  // A number without its line end was cut, and may be the beginning of another one.
  return output.split("\n").slice(1, -1).map(Number);
}

interface Tally {
  slices: number;
  torn: number;
  batches: Set<number>;
}

/** What the file holds, seen by a plain connection that replays the log as any other would. */
function tally(stateDir: string): Tally {
  const db = new Database(join(stateDir, "ledger.sqlite"));
  try {
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(db.pragma("foreign_key_check")).toEqual([]);
    expect(verified(db).problem).toBeUndefined();
    const numbers = (sql: string): number[] => db.prepare<[], number>(sql).pluck().all();
    const torn = numbers(
      `SELECT count(*) FROM slices GROUP BY gpu_id, from_ms HAVING sum(time_ms) != max(to_ms - from_ms)`,
    );
    // Four slices on two devices, a gap and a message: a batch that is there in part is none of these.
    const sliced = numbers(
      `SELECT from_ms / 1000 FROM slices GROUP BY from_ms HAVING count(*) = 4 AND count(DISTINCT gpu_id) = 2`,
    );
    const begun = numbers("SELECT DISTINCT from_ms / 1000 FROM slices ORDER BY 1");
    const gaps = numbers("SELECT cast(reason AS INTEGER) FROM gaps ORDER BY 1");
    const messages = numbers("SELECT cast(id AS INTEGER) FROM outbox ORDER BY 1");
    expect(sliced).toEqual(begun);
    expect(gaps).toEqual(begun);
    expect(messages).toEqual(begun);
    const slices = numbers("SELECT count(*) FROM slices")[0] ?? 0;
    return { slices, torn: torn.length, batches: new Set(begun) };
  } finally {
    db.close();
  }
}

/**
 * SIGKILL leaves the kernel and its page cache standing, so this shows that a batch is whole and is
 * acknowledged only after its commit. What a loss of power leaves rests on `synchronous=FULL`: the
 * log is synced before each commit returns, so that an acknowledged batch is on the medium as far as
 * the disk keeps what it said it synced. No test without a power switch can show that.
 */
it(
  `kill -9 at ${ROUNDS} random moments loses nothing acknowledged and tears nothing (seed ${SEED})`,
  { timeout: 5000 * ROUNDS },
  async () => {
    const stateDir = tempDir();
    const acknowledged: number[] = [];
    let state = SEED;
    for (let round = 0; round < ROUNDS; round++) {
      state = (state * 48_271 + 11) % 2_147_483_647;
      acknowledged.push(...(await killedRun(stateDir, state % 240)));
      const { torn, batches } = tally(stateDir);
      expect(torn).toBe(0);
      expect(acknowledged.filter((n) => !batches.has(n))).toEqual([]);
    }
    // The control: there was something to lose, in every round on average.
    expect(acknowledged.length).toBeGreaterThan(ROUNDS);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);

    const ledger = await opened({ stateDir });
    const intervals = await ledger.usage([0, Number.MAX_SAFE_INTEGER]);
    const rows = intervals.flatMap((interval) => interval.rows);
    const { slices, batches } = tally(stateDir);
    expect(rows.reduce((sum, row) => sum + row.timeMs, 0)).toBe(2 * 1000 * batches.size);
    expect(rows.reduce((sum, row) => sum + row.sliceCount, 0)).toBe(slices);
  },
);
