/**
 * What tracing costs the program that is traced, a launch, and what a window costs the node. The
 * library that is launched through is a stand-in that returns at once: no GPU is part of any figure.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tracingAbility } from "../../src/collect/launches/ability.ts";
import { KernelNames } from "../../src/collect/launches/names.ts";
import { sleep } from "../../src/collect/sleep.ts";
import type { LaunchSample } from "../../src/model/sample.ts";
import { traceLaunches } from "../../src/collect/launches/trace.ts";
import {
  compileFramedDriver,
  compileStandIn,
  type StandIn,
} from "../../test/support/launch-stand-in.ts";
import { type Spread, spreadOf } from "../statistics.ts";

/** Processor time of one call through the stand-in: what others do meanwhile does not count. */
export interface CallCost {
  name: string;
  untracedNs: Spread;
  tracedNs: Spread;
  addedNs: Spread;
}

export interface LaunchesResult {
  bpftrace: string;
  rounds: number;
  calls: CallCost[];
  /** A window beyond its own length, and the processor time of bpftrace in it. */
  aroundMs: Spread;
  cpuMs: Spread;
  windowMs: number;
}

const ROUNDS = 5;
const WINDOW_MS = 1500;
const WARM_UP_MS = 1000;
/** Between two batches of calls, so that the tracer gets at the processors, too. */
const REST_US = 1000;
/** Longer than a batch takes: the first one of a window may have begun before it. */
const EDGE_MS = 100;

const VARIANTS = [
  { name: "cuLaunchKernel that begins with a push", mode: "cost", isFramed: true },
  { name: "cuLaunchKernel that has to be stepped through", mode: "cost", isFramed: false },
  {
    name: "cudaLaunchKernel, stepped, a probe at each level",
    mode: "runtime-cost",
    isFramed: false,
  },
] as const;

interface Taken {
  untraced: number;
  traced: number;
}

/** @returns undefined, with the reason on stderr, where launches cannot be traced */
export async function measureLaunches(): Promise<LaunchesResult | undefined> {
  const searchPath = process.env["PATH"] ?? "";
  const ability = await tracingAbility({ procRoot: "/proc", pids: "trusted", searchPath });
  if (!ability.can) {
    process.stderr.write(`launches: left out, ${ability.reason}\n`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "gpu-assay-bench-"));
  try {
    const library = compileStandIn(folder);
    const around: number[] = [];
    const cpu: number[] = [];
    const framed = { ...library, driver: compileFramedDriver(folder) };
    const variants = VARIANTS.map((variant) => ({ ...variant, taken: new Array<Taken>() }));
    const window = async (pid: number): Promise<LaunchSample> => {
      const [startMs, startCpu] = [performance.now(), childCpuMs()];
      const names = new KernelNames("/proc");
      const settings = { procRoot: "/proc", path: ability.path, windowMs: WINDOW_MS, names };
      const { samples } = await traceLaunches([pid], { ...settings, nowMs: Date.now });
      around.push(performance.now() - startMs - WINDOW_MS);
      cpu.push(childCpuMs() - startCpu);
      const [sample] = samples;
      if (!sample) throw new Error("nothing was traced");
      return sample;
    };
    // The first round warms up and does not count.
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const { mode, isFramed, taken } of variants) {
        const took = await costOf(isFramed ? framed : library, mode, window);
        if (round > 0) taken.push(took);
      }
    }
    return {
      bpftrace: ability.version,
      rounds: ROUNDS,
      calls: variants.map(({ name, taken }) => ({
        name,
        untracedNs: spreadOf(taken.map(({ untraced }) => untraced)),
        tracedNs: spreadOf(taken.map(({ traced }) => traced)),
        addedNs: spreadOf(taken.map(({ traced, untraced }) => traced - untraced)),
      })),
      aroundMs: spreadOf(around.slice(VARIANTS.length)),
      cpuMs: spreadOf(cpu.slice(VARIANTS.length)),
      windowMs: WINDOW_MS,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Median of what one call takes before a window is opened, and within it. */
async function costOf(
  { program, driver, runtime }: StandIn,
  mode: string,
  window: (pid: number) => Promise<LaunchSample>,
): Promise<Taken> {
  const env = { DRIVER: driver, RUNTIME: runtime };
  const args = [mode, "0", String(REST_US)];
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const batches: { ns: number; atMs: number }[] = [];
  const pid = await firstLine(child, (line) => {
    const [ns = Number.NaN, atMs = Number.NaN] = line.split(" ").map(Number);
    batches.push({ ns, atMs });
  });
  try {
    await sleep(WARM_UP_MS);
    const untraced = spreadOf(batches.splice(0).map(({ ns }) => ns)).median;
    const { atMs, windowSeconds = 0 } = await window(pid);
    const fromMs = atMs - 1000 * windowSeconds;
    const during = batches.filter((each) => each.atMs > fromMs + EDGE_MS && each.atMs <= atMs);
    return { untraced, traced: spreadOf(during.map(({ ns }) => ns)).median };
  } finally {
    child.kill("SIGKILL");
  }
}

function firstLine(child: ChildProcess, onLine: (line: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    let rest = "";
    let isFirst = true;
    child.once("exit", () => reject(new Error("the stand-in program ended")));
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (isFirst) resolve(Number(line));
        else onLine(line);
        isFirst = false;
      }
    });
  });
}

/** Processor time of children that have ended, which the kernel adds up in ticks of 10 ms. */
function childCpuMs(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return 10 * (Number(fields[13]) + Number(fields[14]));
}
