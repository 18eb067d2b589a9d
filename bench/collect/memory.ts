/** Whether the program's memory grows with what it has read: an hour of eight GPUs at 10 Hz. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { headerLineOf, lineOf } from "../../src/collect/recording/serialize.ts";
import { builtUrl } from "../built.ts";
import { costOf } from "../daemon-process.ts";
import { GPU_COUNT, simulatedNode, simulatedTicks } from "../simulated-node.ts";

export interface MemoryResult {
  gpus: number;
  hz: number;
  hours: number;
  /** Resident memory at tenths of the run, from its first tenth on. */
  residentMb: number[];
  /** What was alive on the main thread's heap then, garbage collected before. */
  aliveMb: number[];
  peakResidentMb: number;
  seconds: number;
}

const HZ = 10;
const SECONDS = 3600;
const SAMPLE_EVERY_MS = 250;

export async function measureMemory(): Promise<MemoryResult> {
  const folder = mkdtempSync(join(tmpdir(), "assay-bench-"));
  try {
    const file = join(folder, "hour.ndjson");
    await writeHour(file);
    return await replay(file, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function writeHour(file: string): Promise<void> {
  const handle = await open(file, "w");
  await handle.write(`${headerLineOf(simulatedNode(HZ))}\n`);
  let text: string[] = [];
  for (const tick of simulatedTicks(HZ, SECONDS)) {
    text.push(...tick.map((seen) => `${lineOf(seen) ?? ""}\n`));
    if (text.length < 20_000) continue;
    await handle.write(text.join(""));
    text = [];
  }
  await handle.write(text.join(""));
  await handle.close();
}

/** The built program replays the hour as fast as it can, and Linux says what it holds meanwhile. */
async function replay(file: string, folder: string): Promise<MemoryResult> {
  const state = join(folder, "state");
  mkdirSync(state, { mode: 0o700 });
  const main = builtUrl("main.js").pathname;
  const options = ["--speed", "max", "--state-dir", state, "--listen", "127.0.0.1:0"];
  const heapFile = join(folder, "heap");
  const watch = ["--import", new URL("heap-watch.mjs", import.meta.url).href];
  const child = spawn(process.execPath, [...watch, main, "run", "--recording", file, ...options], {
    stdio: "ignore",
    env: { ...process.env, ASSAY_BENCH_HEAP: heapFile },
  });
  const ended = once(child, "exit").then(() => true);
  const resident: number[] = [];
  let peakResidentMb = 0;
  const startedMs = performance.now();
  while (!(await Promise.race([ended, sleep(SAMPLE_EVERY_MS, false)]))) {
    if (child.pid === undefined || child.exitCode !== null) break;
    const cost = costOf(child.pid);
    resident.push(cost.residentMb);
    peakResidentMb = Math.max(peakResidentMb, cost.peakResidentMb);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const alive = readFileSync(heapFile, "utf8").trim().split("\n").map(Number);
  const [residentMb, aliveMb] = [tenthsOf(resident), tenthsOf(alive)];
  const hours = SECONDS / 3600;
  return { gpus: GPU_COUNT, hz: HZ, hours, residentMb, aliveMb, peakResidentMb, seconds };
}

function tenthsOf(series: readonly number[]): number[] {
  return Array.from(
    { length: 10 },
    (_, tenth) => series[Math.ceil(((tenth + 1) / 10) * series.length) - 1] ?? NaN,
  );
}
