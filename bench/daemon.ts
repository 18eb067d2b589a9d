/**
 * What the built daemon costs the node: it runs live on the C stand-in for NVML, with eight GPUs and
 * a real process on each, and Linux says what it used. No real driver is called.
 */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compileNvmlStub } from "../test/support/nvml-stub.ts";
import { busyNode, keepMoving } from "./collect/node.ts";
import { costOf, DaemonProcess, type ProcessCost } from "./daemon-process.ts";
import { GPU_COUNT } from "./simulated-node.ts";

export interface DaemonResult {
  hz: number;
  seconds: number;
  /** Per cent of one core. */
  cpuPercent: number;
  /** Of the second half of that time: the echo of start-up (compiling, first collections) is over. */
  laterCpuPercent: number;
  /** What of that was the main thread's. */
  laterMainThreadPercent: number;
  residentMb: number;
  peakResidentMb: number;
  /** Ticks that were read since the start, and those that could not take place. */
  ticks: number;
  drops: number;
}

const START_UP_SECONDS = 5;
const MEASURED_SECONDS = 40;

/** Runs the daemon once, sampling `hz` times a second. Needs a C compiler and a built `dist`. */
export async function measureDaemon(hz: number): Promise<DaemonResult> {
  const tenants = Array.from({ length: GPU_COUNT }, () => spawn("sleep", ["600"]));
  const pids = tenants.flatMap(({ pid }) => pid ?? []);
  const library = compileNvmlStub({ script: busyNode(pids, Date.now()) });
  const folder = dirname(library);
  const stopMoving = keepMoving(library, pids);
  const daemon = new DaemonProcess(writeConfig(folder, library, hz), stateDir(folder));
  try {
    return await measure(daemon, hz);
  } finally {
    stopMoving();
    await daemon.stop();
    for (const tenant of tenants) tenant.kill();
    rmSync(folder, { recursive: true });
  }
}

async function measure(daemon: DaemonProcess, hz: number): Promise<DaemonResult> {
  await sleep(START_UP_SECONDS * 1000);
  const before = moment(daemon);
  await sleep((MEASURED_SECONDS / 2) * 1000);
  const middle = moment(daemon);
  await sleep((MEASURED_SECONDS / 2) * 1000);
  const after = moment(daemon);
  const ticks = await daemon.sourceFigure("gpu_assay_collector_successes_total");
  const drops = await daemon.sourceFigure("gpu_assay_collector_drops_total");
  return {
    hz,
    seconds: (after.atMs - before.atMs) / 1000,
    cpuPercent: cpuPercent(before, after),
    laterCpuPercent: cpuPercent(middle, after),
    laterMainThreadPercent:
      (100_000 * (after.mainThreadSeconds - middle.mainThreadSeconds)) / (after.atMs - middle.atMs),
    residentMb: after.residentMb,
    peakResidentMb: after.peakResidentMb,
    ticks,
    drops,
  };
}

interface Moment extends ProcessCost {
  /** Monotonic. */
  atMs: number;
}

function moment(daemon: DaemonProcess): Moment {
  return { ...costOf(daemon.pid), atMs: performance.now() };
}

function cpuPercent(from: Moment, to: Moment): number {
  return (100_000 * (to.cpuSeconds - from.cpuSeconds)) / (to.atMs - from.atMs);
}

function writeConfig(folder: string, library: string, hz: number): string {
  const file = join(folder, "config.yaml");
  const text = `node: bench
collect:
  interval: ${1000 / hz}ms
  pids: trusted
  fast:
    budget: 0
  nvml:
    library: ${library}
serve:
  listen: 127.0.0.1:0
`;
  writeFileSync(file, text);
  return file;
}

function stateDir(folder: string): string {
  const dir = join(folder, "state");
  mkdirSync(dir, { mode: 0o700 });
  return dir;
}
