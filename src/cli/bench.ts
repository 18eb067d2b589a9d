import type { Command } from "commander";
import { agentVersion, loadShippedData } from "../config/data.ts";
import { defaultStateDir } from "../config/paths.ts";
import { AssayError } from "../model/errors.ts";
import type { ProbeDevice } from "../probe/device.ts";
import { openDevice } from "../probe/device-process.ts";
import { KERNELS } from "../probe/kernels/all.ts";
import { explainedAdapterFailure } from "./adapter-failure.ts";
import { chooseKernels } from "./choose-kernels.ts";
import { progressOf } from "./bench/progress.ts";
import { pictureOf } from "./bench/picture.ts";
import { reportJson, reportOf } from "./bench/report.ts";
import { type BenchOutcome, runBench } from "./bench/run.ts";
import { kernelJson, kernelList, reportText } from "./bench/text.ts";
import { benchTuning } from "./bench/tuning.ts";
import type { CommandIo } from "./io.ts";
import { reservePicture } from "./picture.ts";
import { secondsOf } from "./seconds.ts";

const ABOUT = `Measure what this machine's GPU gives: hashes, matrix products, memory and
arithmetic, each against the ceiling that was measured on the same device.

Every kernel is verified against a CPU before it is measured, and its result
after. A launch lasts about a quarter of a second: less --seconds than that is
not measured shorter. No ledger and no daemon are needed; it may run beside
them, but what else uses the GPU makes it slower. On a CPU that plays GPU it
runs too, and every line says SOFTWARE.

  assay bench
  assay bench --kernels hash,alu-int32 --seconds 5 --svg roofline.svg`;

/** Rounds go on until the launches' rates vary by less than this, or there were so many. */
const TARGET_SPREAD = 0.02;
const MAX_ROUNDS = 3;
const MAX_ADAPTER_LENGTH = 256;

interface BenchCommandOptions {
  kernels?: string;
  seconds: string;
  adapter?: string;
  json?: boolean;
  svg?: string;
  force?: boolean;
  list?: boolean;
  stateDir?: string;
}

export function addBenchCommand(program: Command, io: CommandIo): void {
  program
    .command("bench")
    .summary("Measure what this machine's GPU gives")
    .description(ABOUT)
    .option("--kernels <names>", "these kernels or families only, separated by commas")
    .option(
      "--seconds <n>",
      `measured time for each kernel; up to ${MAX_ROUNDS} times as long where rates vary`,
      "1",
    )
    .option("--adapter <name>", "part of the adapter's name, where there are several")
    .option("--json", "everything as JSON on stdout")
    .option("--svg <file>", "draw the roofline into a new file")
    .option("--force", "overwrite an existing --svg file")
    .option("--list", "say which kernels there are, and measure nothing")
    .option("--state-dir <dir>", "where the fastest shape of each kernel is remembered")
    .action(async (options: BenchCommandOptions) => bench(options, io));
}

async function bench(options: BenchCommandOptions, io: CommandIo): Promise<void> {
  const kernels = chooseKernels(options.kernels, KERNELS);
  const seconds = secondsOf(options.seconds);
  const adapterName = adapterOf(options.adapter);
  if (options.list) {
    io.stdout(options.json ? kernelJson(kernels) : kernelList(kernels));
    return;
  }
  const picture =
    options.svg === undefined
      ? undefined
      : await reservePicture(options.svg, options.force ?? false);
  try {
    const atMs = Math.round(io.nowMs());
    const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
    // Said at the end: in between, one line belongs to one kernel.
    const notices: string[] = [];
    const tuning = benchTuning({
      stateDir,
      random: Math.random,
      now,
      signal: io.signal,
      say: (message) => void notices.push(`note: ${message}\n`),
    });
    const run = await runBench({
      open: opener(adapterName, io),
      kernels,
      seconds,
      maxRounds: MAX_ROUNDS,
      targetSpread: TARGET_SPREAD,
      random: Math.random,
      now,
      signal: io.signal,
      tuning,
      watcher: progressOf(io),
    });
    for (const notice of notices) io.stderr(notice);
    const report = reportOf(run, agentVersion(), atMs, loadShippedData().limits);
    const drawn = pictureOf(report);
    if (drawn !== undefined) await picture?.write(drawn);
    io.stdout(options.json ? reportJson(report) : reportText(report, KERNELS));
    throwFailures(run.outcomes);
  } finally {
    await picture?.discard();
  }
}

/** Monotonic seconds. */
function now(): number {
  return performance.now() / 1000;
}

/** @throws AssayError `cli/usage` */
function adapterOf(name: string | undefined): string | undefined {
  if (name === undefined || (name.trim() !== "" && name.length <= MAX_ADAPTER_LENGTH)) return name;
  throw new AssayError("cli/usage", "that is no adapter's name", {
    place: "--adapter",
    hint: "a part of the name that `assay doctor` shows",
  });
}

type Opener = (options: { robustness: boolean }) => Promise<ProbeDevice>;

function opener(adapterName: string | undefined, io: CommandIo): Opener {
  return async ({ robustness }) => {
    try {
      return await openDevice({ allowSoftware: true, adapterName, robustness });
    } catch (error) {
      throw await explainedAdapterFailure(error, adapterName, io);
    }
  };
}

/** Told where it happened; here once more, as what the command ends with. */
function throwFailures(outcomes: readonly BenchOutcome[]): void {
  const failures = outcomes.flatMap((outcome) => (outcome.kind === "failed" ? [outcome] : []));
  const [first] = failures;
  if (!first) return;
  const names = failures.map(({ kernel }) => kernel.name).join(", ");
  const message = `${failures.length} of ${outcomes.length} kernels failed: ${names}`;
  throw new AssayError(first.error.code, message, { cause: first.error });
}
