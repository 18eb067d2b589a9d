import type { Command } from "commander";
import { openRecordingWriter } from "../collect/recording/write.ts";
import { sleep } from "../collect/sleep.ts";
import { loadConfig } from "../config/load.ts";
import { openLiveSource } from "../daemon/source.ts";
import { parseDuration } from "../model/duration.ts";
import { AssayError } from "../model/errors.ts";
import { Console } from "./console.ts";
import type { CommandIo } from "./io.ts";
import { createLog } from "./log.ts";

const ABOUT = `Write what the collectors see to a recording, to be replayed, labelled and shown
later.

Stop it with Ctrl-C at any time: what was written stays readable. The format is
in docs/recording-format.md.

  assay record node7.ndjson.gz --duration 10m
  assay record - --interval 100ms | gzip > fast.ndjson.gz`;

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
  const config = loadConfig(options.config);
  if (options.interval !== undefined) {
    durationOf("--interval", options.interval);
    config.collect.interval = options.interval;
  }
  const signal = stopSignal(options.duration, io.signal);
  const monotonicMs = (): number => performance.now();
  const onEvent = new Console(io).collectorEvent(createLog(config.log.level, io));
  const live = await openLiveSource(config, {
    nowMs: io.nowMs,
    monotonicMs,
    sleep,
    signal,
    onEvent,
  });
  if (!live.isPresent)
    throw new AssayError("collect/no-gpu", `there is no GPU to record: ${live.reason}`, {
      hint: "`assay doctor` says what is missing; data/demo-simulated.ndjson.gz is a recording to try",
    });
  const { force } = options;
  const writer = await openRecordingWriter({
    file,
    stdout: process.stdout,
    clock: monotonicMs,
    force,
  });
  io.stderr(`recording ${live.source.description} to ${file}; Ctrl-C stops\n`);
  try {
    for await (const observation of live.source.observations) await writer.write(observation);
  } finally {
    await writer.close();
  }
  const { lines, droppedFull, droppedRefused } = writer.counts;
  io.stderr(`${lines} lines written, ${droppedFull + droppedRefused} dropped\n`);
}

function stopSignal(duration: string | undefined, asked: AbortSignal): AbortSignal {
  if (duration === undefined) return asked;
  return AbortSignal.any([asked, AbortSignal.timeout(durationOf("--duration", duration))]);
}

function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new AssayError("cli/usage", `"${text}" is no duration`, {
    place: option,
    hint: "a number with a unit: 100ms, 10s, 5m, 2h",
  });
}
