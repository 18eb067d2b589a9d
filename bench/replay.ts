/** How fast a recording becomes ledger rows, beside what reading it and parsing its JSON take. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headerLineOf, lineOf } from "../src/collect/recording/serialize.ts";
import type { Ledger } from "../src/ledger/contract.ts";
import { type Built, builtUrl, loadBuilt } from "./built.ts";
import { GPU_COUNT, simulatedNode, simulatedTicks } from "./simulated-node.ts";
import { type Spread, spreadOf } from "./statistics.ts";

const VARIANTS = ["parse", "read", "label", "ledger"] as const;
export type Variant = (typeof VARIANTS)[number];

export interface ReplayResult {
  recording: {
    gpus: number;
    hz: number;
    seconds: number;
    samples: number;
    lines: number;
    mib: number;
  };
  repetitions: number;
  /** GPU-samples per second. */
  samplesPerSecond: Record<Variant, Spread>;
  /** Processor time of all threads, in microseconds a sample: other work on the machine adds little. */
  cpuMicroseconds: Record<Variant, Spread>;
  /** Time taken as a multiple of plain JSON parsing in the same round. */
  timesParse: Record<Variant, Spread>;
  ledgerSlices: number;
}

const HZ = 10;
const SECONDS = 600;
const REPETITIONS = 7;

/** Seconds by the clock, and of processors. */
interface Taken {
  seconds: number;
  cpuSeconds: number;
}

type Run = (round: number) => Promise<Taken>;

export async function measureReplay(): Promise<ReplayResult> {
  const folder = mkdtempSync(join(tmpdir(), "assay-bench-"));
  try {
    const file = join(folder, "recording.ndjson");
    const lines = writeRecording(file);
    const samples = GPU_COUNT * HZ * SECONDS;
    const built = await loadBuilt();
    const slices = new Set<number>();
    const runs: Record<Variant, Run> = {
      parse: async () => timed(async () => parseOnly(file)),
      read: async () => timed(async () => readOnly(file, built)),
      label: async () => timed(async () => labelOnly(file, built)),
      ledger: async (round) => {
        const run = await toLedger(file, join(folder, `state-${round}`), built);
        slices.add(run.slices);
        return run.taken;
      },
    };
    const taken = await interleaved(runs);
    const [ledgerSlices = 0, ...others] = slices;
    if (others.length > 0) throw new Error("the same recording gave different ledgers");
    const mib = statSync(file).size / 2 ** 20;
    return {
      recording: { gpus: GPU_COUNT, hz: HZ, seconds: SECONDS, samples, lines, mib },
      repetitions: REPETITIONS,
      samplesPerSecond: each((name) =>
        spreadOf(taken[name].map(({ seconds }) => samples / seconds)),
      ),
      cpuMicroseconds: each((name) =>
        spreadOf(taken[name].map(({ cpuSeconds }) => (1e6 * cpuSeconds) / samples)),
      ),
      timesParse: each((name) =>
        spreadOf(
          taken[name].map(({ seconds }, round) => seconds / (taken.parse[round]?.seconds ?? NaN)),
        ),
      ),
      ledgerSlices,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What each variant took, by round. The first round warms up and does not count. */
async function interleaved(runs: Record<Variant, Run>): Promise<Record<Variant, Taken[]>> {
  const taken = each((): Taken[] => []);
  for (let round = 0; round <= REPETITIONS; round += 1)
    for (let turn = 0; turn < VARIANTS.length; turn += 1) {
      // Each round begins with another variant, so that none always follows the same one.
      const name = VARIANTS[(round + turn) % VARIANTS.length] ?? "parse";
      const took = await runs[name](round);
      if (round > 0) taken[name].push(took);
    }
  return taken;
}

async function timed(work: () => Promise<unknown>): Promise<Taken> {
  const [fromMs, fromCpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(fromCpu);
  return { seconds: (performance.now() - fromMs) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function each<T>(make: (name: Variant) => T): Record<Variant, T> {
  return { parse: make("parse"), read: make("read"), label: make("label"), ledger: make("ledger") };
}

function writeRecording(file: string): number {
  const lines = [headerLineOf(simulatedNode(HZ))];
  for (const seen of simulatedTicks(HZ, SECONDS))
    lines.push(...seen.flatMap((observation) => lineOf(observation) ?? []));
  writeFileSync(file, `${lines.join("\n")}\n`);
  return lines.length;
}

/** The least any reader in JavaScript could do: the file as text, line by line through JSON.parse. */
function parseOnly(file: string): number {
  const lines = readFileSync(file, "utf8").split("\n");
  let objects = 0;
  for (const line of lines) if (line !== "" && JSON.parse(line) !== null) objects += 1;
  return objects;
}

async function readOnly(file: string, { RecordingReader }: Built): Promise<number> {
  let observations = 0;
  for await (const batch of new RecordingReader(file).batches()) observations += batch.length;
  return observations;
}

async function labelOnly(file: string, { labelRecording }: Built): Promise<number> {
  let windows = 0;
  await labelRecording(file, new AbortController().signal, () => (windows += 1));
  return windows;
}

/**
 * What `assay run --recording FILE --speed max` does, without its console and server. A daemon opens
 * its ledger once, so that is not timed; everything up to the last acknowledged write is.
 */
async function toLedger(
  file: string,
  stateDir: string,
  built: Built,
): Promise<{ taken: Taken; slices: number }> {
  mkdirSync(stateDir, { mode: 0o700 });
  const workerUrl = builtUrl("ledger/worker.js");
  const ledger = await built.openLedger({ stateDir, mode: "write", workerUrl });
  try {
    const taken = await timed(async () => replayInto(ledger, file, built));
    const extent = await ledger.extent();
    const intervals = extent ? await ledger.usage([extent.fromMs, extent.toMs]) : [];
    const rows = intervals.flatMap((interval) => interval.rows);
    return { taken, slices: rows.reduce((sum, row) => sum + row.sliceCount, 0) };
  } finally {
    await ledger.close();
  }
}

async function replayInto(ledger: Ledger, file: string, built: Built): Promise<void> {
  const { sleep } = built;
  const writer = new built.BufferedWriter({ ledger, maxQueuedBatches: 2000, sleep });
  const alerting = new built.Alerting({
    mining: {},
    budgets: undefined,
    endpoints: [],
    hash: (text) => createHash("sha256").update(text).digest("hex"),
    nowMs: () => 0,
  });
  const source = built.replaySource({ file, speed: Infinity, clock: () => 0, sleep });
  await built.runAgent(source, {
    pipeline: built.recordingPipeline(),
    write: (batch) => writer.enqueue(batch),
    written: async () => writer.drained(),
    alert: (slices, atMs) => alerting.observe(slices, atMs),
    watch: {},
  });
  if (!(await writer.flush())) throw new Error("not everything could be written");
}
