/**
 * What one scan of a host costs that runs 5,000 processes with 20,000 sockets, all of them real: the
 * processes are forks of one small program, the sockets loopback connections. A tree of 200 of the
 * processes is one holder's, with 200 of the sockets.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { HolderBoard } from "../../src/collect/host/board.ts";
import { createThreadedHostCollector } from "../../src/collect/host/thread.ts";
import { builtUrl } from "../built.ts";
import { type Spread, spreadOf } from "../statistics.ts";

export interface HostResult {
  processes: number;
  sockets: number;
  treeProcesses: number;
  treeSockets: number;
  /** In the collector's own words, of the last scan. */
  detail: string;
  /** The start of its thread is in it. */
  first: ScanCost;
  scans: number;
  steady: { cpuMs: Spread; wallMs: Spread; mainThreadMs: Spread };
  /** How late a timer of 1 ms came while scans ran, and while nothing did. */
  worstDelayMs: number;
  idleDelayMs: number;
}

interface ScanCost {
  /** Of all threads of the process. */
  cpuMs: number;
  wallMs: number;
  /** In which the main loop was busy: no block of it was longer. */
  mainThreadMs: number;
}

const [PROCESSES, SOCKETS, TREE, TREE_SOCKETS] = [5000, 20_000, 200, 200];
/** Until nothing of the crowd counts as young any more. */
const WARM_UP = 12;
const SCANS = 40;
const PAUSE_MS = 100;

export async function measureHost(): Promise<HostResult> {
  const folder = mkdtempSync(join(tmpdir(), "crowd-"));
  const program = join(folder, "crowd");
  execFileSync("cc", ["-O2", "-o", program, fileURLToPath(new URL("crowd.c", import.meta.url))]);
  const numbers = [PROCESSES, SOCKETS, TREE, TREE_SOCKETS].map(String);
  const crowd = spawn(program, numbers, { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [line] = await once(createInterface({ input: crowd.stdout }), "line");
    return await measure(Number(line));
  } finally {
    const gone = once(crowd, "exit");
    crowd.stdin.end();
    await gone;
    rmSync(folder, { recursive: true });
  }
}

async function measure(holder: number): Promise<HostResult> {
  const board = new HolderBoard();
  const list = [{ pid: holder, startTimeMs: 1, comm: "crowd" }];
  board.note("bench", [{ kind: "processes", atMs: 0, gpu: 0, list }]);
  const collector = createThreadedHostCollector(
    {
      procRoot: "/proc",
      sockets: true,
      intervalMs: 0,
      // The crowd is this process's own child.
      selfPid: 0,
      workerUrl: builtUrl("collect/thread/worker.js"),
    },
    { monotonicMs: () => performance.now(), board },
  );
  try {
    const scan = async (): Promise<ScanCost> => costOf(async () => collector.collect(Date.now()));
    const first = await scan();
    for (let time = 0; time < WARM_UP; time += 1) await scan();
    const costs: ScanCost[] = [];
    const worstDelayMs = await worstDelay(async () => {
      for (let time = 0; time < SCANS; time += 1) {
        costs.push(await scan());
        await pause(PAUSE_MS);
      }
    });
    const idleDelayMs = await worstDelay(async () => pause(SCANS * PAUSE_MS));
    const spread = (of: keyof ScanCost): Spread => spreadOf(costs.map((cost) => cost[of]));
    return {
      processes: PROCESSES,
      sockets: SOCKETS,
      treeProcesses: TREE,
      treeSockets: TREE_SOCKETS,
      detail: collector.detail ?? "",
      first,
      scans: SCANS,
      steady: {
        cpuMs: spread("cpuMs"),
        wallMs: spread("wallMs"),
        mainThreadMs: spread("mainThreadMs"),
      },
      worstDelayMs,
      idleDelayMs,
    };
  } finally {
    await collector.close();
  }
}

async function costOf(work: () => Promise<unknown>): Promise<ScanCost> {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const startMs = performance.now();
  await work();
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  const mainThreadMs = performance.eventLoopUtilization(loop).active;
  return { cpuMs: (user + system) / 1000, wallMs, mainThreadMs };
}

async function worstDelay(work: () => Promise<void>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  return histogram.max / 1e6;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
