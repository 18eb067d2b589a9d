import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { tempDir } from "../fixtures/make.ts";
import { verified } from "./support.ts";

const SCRIPT = fileURLToPath(new URL("../fixtures/prune-loop.mjs", import.meta.url));
const ROUNDS = Number(process.env["ASSAY_KILL_ROUNDS"] ?? 8);
const SEED = Number(process.env["ASSAY_KILL_SEED"] ?? Date.now() % 100_000);
const WINDOW_MS = 180_000;

/** Kills the loop some time after it has removed something. @returns what it acknowledged */
async function killedRun(stateDir: string, aliveMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [SCRIPT, stateDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const closed = once(child, "close");
  while (!output.includes("pruned")) await once(child.stdout, "data");
  setTimeout(() => child.kill("SIGKILL"), aliveMs);
  const [, signal] = await closed;
  expect(signal).toBe("SIGKILL");
  const lines = output.split("\n").slice(1, -1);
  return lines.filter((line) => /^\d+$/.test(line)).map(Number);
}

it(
  `kill -9 at ${ROUNDS} random moments of a removal leaves the state before or after it (seed ${SEED})`,
  { timeout: 20_000 * ROUNDS },
  async () => {
    const stateDir = tempDir();
    let [state, last] = [SEED, -1];
    for (let round = 0; round < ROUNDS; round++) {
      state = (state * 48_271 + 11) % 2_147_483_647;
      last = Math.max(last, ...(await killedRun(stateDir, state % 60)));
      const db = new Database(join(stateDir, "ledger.sqlite"));
      expect(verified(db)).toBeUndefined();
      expect(db.prepare("SELECT 1 FROM meta WHERE key GLOB 'pruneUpTo*'").all()).toEqual([]);
      const [whole] = usage(db, [0, (last + 1) * WINDOW_MS]);
      const sum = whole?.rows.reduce((ms, { timeMs }) => ms + timeMs, 0);
      expect(sum).toBe((last + 1) * WINDOW_MS);
      db.close();
    }
  },
);
