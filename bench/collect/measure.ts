/**
 * What one reading of eight devices costs this process, beside the two other ways a Node program has
 * to ask an NVIDIA node: a `nvidia-smi` child for each reading, and the `systeminformation` library.
 * All three ask stand-ins that answer at once, so what is compared is everything but the driver.
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { promisify } from "node:util";
import { parse } from "csv-parse/sync";
import { graphics } from "systeminformation";
import { CollectorHarness } from "../../src/collect/harness.ts";
import { liveSource } from "../../src/collect/live.ts";
import { sleep } from "../../src/collect/sleep.ts";
import { compileNvmlStub } from "../../test/support/nvml-stub.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { type Cost, meanCost } from "./cost.ts";
import { busyNode, compileSmi, keepMoving, nvmlCollector, SMI_COLUMNS } from "./node.ts";

const WAYS = ["nvml", "child", "systeminformation"] as const;
export type Way = (typeof WAYS)[number];

export interface CollectResult {
  rounds: number;
  readingsARound: number;
  cost: Record<Way, Record<keyof Cost, Spread>>;
  /** Each way's cost in units of ours, in the same round. */
  timesOurs: Record<Exclude<Way, "nvml">, Record<keyof Cost, Spread>>;
  live: LiveResult;
}

export interface LiveResult {
  hz: number;
  seconds: number;
  ticks: number;
  drops: number;
  /** How long after its time a tick began, at worst. */
  latestTickMs: number;
  /** How late timers of 1 ms came meanwhile: what held the main thread, or the machine. */
  delay: Delay;
  /** The same while the process did nothing: the machine's own part. */
  idleDelay: Delay;
}

export interface Delay {
  p999Ms: number;
  worstMs: number;
}

const ROUNDS = 5;
const READINGS = 20;
const EVERY_MS = 100;
const LIVE_SECONDS = 30;

const run = promisify(execFile);

export async function measureCollect(): Promise<CollectResult> {
  const library = compileNvmlStub({ script: busyNode([process.pid], Date.now()) });
  const stopMoving = keepMoving(library, [process.pid]);
  const smi = compileSmi(dirname(library));
  const path = process.env["PATH"];
  process.env["PATH"] = `${dirname(library)}:${path ?? ""}`;
  const collector = nvmlCollector(library);
  try {
    await collector.open();
    const work: Record<Way, () => Promise<unknown>> = {
      nvml: async () => collector.collect(Date.now()),
      child: async () => readSmi(smi),
      systeminformation: async () => graphics(),
    };
    const rounds: Record<Way, Cost>[] = [];
    // The first round warms up and does not count.
    for (let round = 0; round <= ROUNDS; round += 1) rounds.push(await oneRound(work));
    rounds.shift();
    return { ...compared(rounds), live: await measureLive(library) };
  } finally {
    stopMoving();
    await collector.close();
    process.env["PATH"] = path;
    rmSync(dirname(library), { recursive: true });
  }
}

async function oneRound(work: Record<Way, () => Promise<unknown>>): Promise<Record<Way, Cost>> {
  return {
    nvml: await meanCost(work.nvml, READINGS, EVERY_MS),
    child: await meanCost(work.child, READINGS, EVERY_MS),
    systeminformation: await meanCost(work.systeminformation, 3, EVERY_MS),
  };
}

async function readSmi(program: string): Promise<unknown> {
  const query = `--query-gpu=${SMI_COLUMNS.join(",")}`;
  const { stdout } = await run(program, [query, "--format=csv,nounits"]);
  return parse(stdout, { columns: true, trim: true });
}

function compared(rounds: readonly Record<Way, Cost>[]): Omit<CollectResult, "live"> {
  const over = (of: (round: Record<Way, Cost>) => Cost): Record<keyof Cost, Spread> => ({
    wallMs: spreadOf(rounds.map((round) => of(round).wallMs)),
    mainThreadMs: spreadOf(rounds.map((round) => of(round).mainThreadMs)),
    cpuMs: spreadOf(rounds.map((round) => of(round).cpuMs)),
  });
  const ratio = (way: Way) =>
    over((round) => ({
      wallMs: round[way].wallMs / round.nvml.wallMs,
      mainThreadMs: round[way].mainThreadMs / round.nvml.mainThreadMs,
      cpuMs: round[way].cpuMs / round.nvml.cpuMs,
    }));
  return {
    rounds: rounds.length,
    readingsARound: READINGS,
    cost: {
      nvml: over((round) => round.nvml),
      child: over((round) => round.child),
      systeminformation: over((round) => round.systeminformation),
    },
    timesOurs: { child: ratio("child"), systeminformation: ratio("systeminformation") },
  };
}

/** The live loop at 10 Hz with nothing behind it: whether it keeps its ticks. */
async function measureLive(library: string): Promise<LiveResult> {
  const hz = 10;
  const monotonicMs = (): number => performance.now();
  const harness = new CollectorHarness([nvmlCollector(library)], { monotonicMs, sleep });
  await harness.open();
  const idleDelay = await delayDuring(async () => sleep(LIVE_SECONDS * 1000));
  const clock = { wallMs: () => Date.now(), monotonicMs, sleep };
  const signal = AbortSignal.timeout(LIVE_SECONDS * 1000);
  let [ticks, latestTickMs, firstMs] = [0, 0, Number.NaN];
  const delay = await delayDuring(async () => {
    for await (const seen of liveSource({ harness, intervalMs: 1000 / hz, clock, signal })) {
      if (seen.kind !== "tick") continue;
      if (ticks === 0) firstMs = seen.atMs;
      const sinceMs = seen.atMs - firstMs;
      latestTickMs = Math.max(
        latestTickMs,
        sinceMs - (Math.round((sinceMs * hz) / 1000) * 1000) / hz,
      );
      ticks += 1;
    }
  });
  const drops = harness.health().reduce((sum, each) => sum + each.drops, 0);
  return {
    hz,
    seconds: LIVE_SECONDS,
    ticks,
    drops,
    latestTickMs,
    delay,
    idleDelay,
  };
}

async function delayDuring(work: () => Promise<void>): Promise<Delay> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  return { p999Ms: histogram.percentile(99.9) / 1e6, worstMs: histogram.max / 1e6 };
}
