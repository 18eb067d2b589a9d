import { basename } from "node:path";
import type { Command } from "commander";
import { openRecordingWriter } from "../collect/recording/write.ts";
import { KernelTimeline } from "../collect/traces/timeline.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Make a recording of a profiler's trace: its kernels become launches, with how long
they ran, second by second.

It takes traces of PyTorch's profiler (.json, .json.gz) and reports of Nsight
Systems that were exported to SQLite (nsys export --type sqlite). The share of
time in which any kernel ran becomes the device's utilisation: of the traced
program alone. Nothing else of the device is in a trace, so most of what labels
go by is not measured. See docs/launches.md.

  assay import-trace trace.json.gz --out run.ndjson.gz
  assay classify run.ndjson.gz`;

interface ImportOptions {
  out?: string;
  gpu?: string;
  pid?: string;
  force?: boolean;
}

export function addImportTraceCommand(program: Command, io: CommandIo): void {
  program
    .command("import-trace")
    .summary("Make a recording of a PyTorch or Nsight Systems trace")
    .description(ABOUT)
    .argument("<file>", "a profiler's trace")
    .option("--out <file>", "the recording; by default beside you, .ndjson.gz; - for stdout")
    .option("--gpu <index>", "the kernels of this device only")
    .option("--pid <pid>", "of this process only; or whose it is, where the trace does not say")
    .option("--force", "overwrite an existing file")
    .action(async (file: string, options: ImportOptions) => importTrace(file, options, io));
}

async function importTrace(file: string, options: ImportOptions, io: CommandIo): Promise<void> {
  // No other command needs a database driver and a stream parser on its way up.
  const { readTrace } = await import("../collect/traces/read.ts");
  const gpu = wholeNumber("--gpu", options.gpu, 0);
  const pid = wholeNumber("--pid", options.pid, 1);
  const out = options.out ?? `${basename(file).replace(/\.(json|sqlite|gz)\b/g, "")}.ndjson.gz`;
  const timeline = new KernelTimeline();
  const { signal } = io;
  const { description, warnings, originMs } = await readTrace(file, timeline, { gpu, pid, signal });
  if (signal.aborted) {
    io.stderr("stopped: nothing is made of a trace that was not read to its end\n");
    return;
  }
  for (const warning of warnings) io.stderr(`${sanitize(file)}: ${warning}\n`);
  const writer = await openRecordingWriter({
    file: out,
    stdout: process.stdout,
    clock: () => performance.now(),
    force: options.force,
  });
  try {
    for (const observation of timeline.observations(description, originMs))
      await writer.write(observation);
  } finally {
    await writer.close();
  }
  const { lines } = writer.counts;
  if (timeline.cutMs > 0)
    io.stderr(
      `${sanitize(file)}: it says that it goes on for ${Math.round(timeline.cutMs / 1000)} s after the first seven days: a damaged time, most likely. They are not in the recording\n`,
    );
  io.stderr(`${timeline.size} kernels of ${description.source} became ${lines} lines of ${out}\n`);
}

function wholeNumber(place: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  const what = `"${sanitize(text, 60)}" is no whole number from ${least} on`;
  throw new AssayError("cli/usage", what, { place });
}
