import { rm, stat } from "node:fs/promises";
import type { Command } from "commander";
import { openRecordingWriter, type RecordingWriter } from "../collect/recording/write.ts";
import { sleep } from "../collect/sleep.ts";
import { loadConfig } from "../config/load.ts";
import { type Config, durationMs } from "../config/schema.ts";
import { openLiveSource, type OpenedSource } from "../daemon/source.ts";
import { parseDuration } from "../model/duration.ts";
import { AssayError } from "../model/errors.ts";
import { Console } from "./console.ts";
import type { CommandIo } from "./io.ts";
import { createLog } from "./log.ts";
import { openProbing } from "./probing.ts";
import { type Recorded, writeRecording } from "./record/recording.ts";
import { recordedText } from "./record/text.ts";
import { measureOverhead, WARM_UP_INTERVAL_MS } from "./record/warm-up.ts";

const ABOUT = `Write what the collectors see to a recording, to be replayed, labelled and shown
later.

It first measures for at most 2 s what a reading costs and writes that into the
header. Then it reads at a fixed interval, 20 ms at least. Stop it with Ctrl-C
at any time: what was written stays readable. The format is in
docs/recording-format.md.

  assay record node7.ndjson.gz --duration 10m
  assay record - --interval 20ms | gzip > fast.ndjson.gz`;

/** Fifty readings a second: what drivers renew their figures at, at most. */
const MIN_INTERVAL_MS = 20;

interface RecordOptions {
  config?: string;
  interval?: string;
  duration?: string;
  force?: boolean;
}

export function addRecordCommand(program: Command, io: CommandIo): void {
  program
    .command("record")
    .summary("Write what the collectors see to a recording")
    .description(ABOUT)
    .argument("<file>", "gzip where the name ends in .gz; - for stdout")
    .option("--interval <duration>", "time between two readings; collect.interval by default")
    .option("--duration <duration>", "stop after this long; else on Ctrl-C")
    .option("--force", "overwrite an existing file")
    .option("-c, --config <file>", "configuration")
    .action(async (file: string, options: RecordOptions) => record(file, options, io));
}

async function record(file: string, options: RecordOptions, io: CommandIo): Promise<void> {
  const config = configOf(options);
  const forMs =
    options.duration === undefined ? undefined : durationOf("--duration", options.duration);
  const warmUp = stopAfter(undefined, io.signal);
  const warming = await openSource(warmUpConfig(config), io, {
    signal: warmUp.signal,
    isQuiet: true,
  });
  const writer = await openRecordingWriter({
    file,
    stdout: process.stdout,
    clock: monotonicMs,
    force: options.force,
  });
  const done = await written(writer, async () => {
    const overhead = await measureOverhead(warming, warmUp, cpuMs);
    const { signal } = stopAfter(forMs, io.signal);
    const source = await openSource(config, io, { signal, isQuiet: false });
    io.stderr(`recording ${source.description} to ${file}; Ctrl-C stops\n`);
    const probing = await openProbing(config, createLog(config.log.level, io), io);
    const observations = probing?.through(source.observations) ?? source.observations;
    try {
      const recorded = { observations, health: source.health };
      return await writeRecording(recorded, writer, { overhead, monotonicMs, cpuMs });
    } finally {
      await probing?.close();
    }
  });
  if (writer.counts.lines === 0) await nothingRecorded(file, done, io);
  else io.stderr(recordedText(done, writer, durationMs(config.collect.interval)));
}

/** The recording's end is written whatever happens. */
async function written(writer: RecordingWriter, work: () => Promise<Recorded>): Promise<Recorded> {
  try {
    return await work();
  } finally {
    await writer.close();
  }
}

/** No device was ever named, so the file holds nothing: it is taken away again. */
async function nothingRecorded(file: string, { details }: Recorded, io: CommandIo): Promise<void> {
  if (file !== "-" && (await stat(file)).isFile()) await rm(file);
  if (io.signal.aborted) {
    io.stderr("stopped before the first reading: nothing is recorded\n");
    return;
  }
  throw new AssayError("collect/no-gpu", `no GPU answered: ${details.join("; ") || "no reading"}`, {
    hint: "`assay doctor` says what is missing; try a longer --duration",
  });
}

/** @throws AssayError `collect/no-gpu` */
async function openSource(
  config: Config,
  io: CommandIo,
  { signal, isQuiet }: { signal: AbortSignal; isQuiet: boolean },
): Promise<OpenedSource> {
  const log = createLog(config.log.level, io);
  const onEvent = isQuiet ? (): void => {} : new Console(io).collectorEvent(log);
  // Without a word on the rate the interval stays as it is.
  const deps = { nowMs: io.nowMs, monotonicMs, sleep, signal, onEvent };
  const live = await openLiveSource(config, deps);
  if (live.isPresent) return live.source;
  throw new AssayError("collect/no-gpu", `there is no GPU to record: ${live.reason}`, {
    hint: "`assay doctor` says what is missing; data/demo-simulated.ndjson.gz is a recording to try",
  });
}

/** @throws AssayError `cli/usage` */
function configOf({ config: file, interval }: RecordOptions): Config {
  const config = loadConfig(file);
  if (interval !== undefined) {
    durationOf("--interval", interval);
    config.collect.interval = interval;
  }
  if (durationMs(config.collect.interval) >= MIN_INTERVAL_MS) return config;
  throw new AssayError("cli/usage", `an interval of ${config.collect.interval} is too short`, {
    place: "--interval",
    hint: `${MIN_INTERVAL_MS}ms at least: drivers renew most figures less often than that`,
  });
}

/** Quick, so that a slow recording need not wait long for its header. */
function warmUpConfig(config: Config): Config {
  const intervalMs = Math.min(durationMs(config.collect.interval), WARM_UP_INTERVAL_MS);
  return { ...config, collect: { ...config.collect, interval: `${intervalMs}ms` } };
}

/**
 * Aborts when asked to, and after `forMs`. Not `AbortSignal.any` of `AbortSignal.timeout`: Node 20
 * holds the parts of a joined signal weakly, and one that was collected never ends the recording.
 */
function stopAfter(forMs: number | undefined, asked: AbortSignal): AbortController {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  if (asked.aborted) end();
  asked.addEventListener("abort", end, { once: true });
  if (forMs !== undefined) void endAfter(forMs, stop);
  return stop;
}

/** In steps, because one timer reaches no further than 24 days. */
async function endAfter(forMs: number, stop: AbortController): Promise<void> {
  const endMs = monotonicMs() + forMs;
  while (!stop.signal.aborted && monotonicMs() < endMs)
    await sleep(endMs - monotonicMs(), stop.signal);
  stop.abort();
}

function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new AssayError("cli/usage", `"${text}" is no duration`, {
    place: option,
    hint: "a number with a unit: 100ms, 10s, 5m, 2h",
  });
}

function monotonicMs(): number {
  return performance.now();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
