import type { Command } from "commander";
import type { Indicators } from "../classify/host/indicator-data.ts";
import { differences } from "../classify/host/indicator-update.ts";
import { loadShippedData } from "../config/data.ts";
import {
  indicatorFolder,
  loadIndicators,
  readIndicatorPath,
  withFiles,
} from "../config/indicators.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { AssayError } from "../model/errors.ts";
import { checkRecording } from "./indicators/check-recording.ts";
import { checkText } from "./indicators/check-text.ts";
import { differenceText, listText } from "./indicators/list-text.ts";
import { keepFiles } from "./indicators/keep.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Show, try and update the lists by which miners and tunnels are recognised.

The lists ship with the program, each group with its date and its source. Files of
your own add to them and take from them. Nothing is ever fetched.

  assay indicators list
  assay indicators check -- ./a --algo kawpow -o stratum+tcp://pool.invalid:3333
  assay indicators check --recording node7.ndjson.gz
  assay indicators update site-lists.yaml`;

interface Where {
  config?: string;
  stateDir?: string;
}

interface CheckOptions extends Where {
  recording?: string;
  exe?: string;
  holdsGpu?: boolean;
}

export function addIndicatorsCommand(program: Command, io: CommandIo): void {
  const command = program
    .command("indicators")
    .summary("Show, try and update the lists of miners and tunnels")
    .description(ABOUT);
  const located = (child: Command): Command =>
    child
      .option("-c, --config <file>", "configuration, for indicators.files")
      .option("--state-dir <dir>", "where the updates are kept");
  located(command.command("list"))
    .description("The groups with their dates, sources and counts")
    .option("--json", "everything that is listed, as JSON")
    .action((options: Where & { json?: boolean }) => {
      const lists = listsIn(options, io);
      io.stdout(options.json ? `${JSON.stringify(lists, null, 2)}\n` : listText(lists, io.nowMs()));
    });
  located(command.command("check"))
    .description("What a command line, or a recording, would match, and why it counts or does not")
    .argument("[argv...]", "a command line, after --")
    .option("--recording <file>", "the processes and connections of a recording instead")
    .option("--exe <path>", "the executable, where it is another than the first argument")
    .option("--holds-gpu", "as of a process that has a GPU open")
    .action(async (argv: string[], options: CheckOptions) => check(argv, options, io));
  command
    .command("update")
    .description("Check a file or directory of lists, show what it changes, and keep it")
    .argument("<path>", "a .json, .yaml or .yml file, or a directory of them")
    .option("--state-dir <dir>", "keep it there, where the daemon finds it when it starts")
    .option("--to <dir>", "keep it in this directory instead (see indicators.files)")
    .option("--dry-run", "show only")
    .action((path: string, options: UpdateOptions) => update(path, options, io));
}

function listsIn({ config, stateDir }: Where, io: CommandIo): Indicators {
  const { files } = loadConfig(config).indicators;
  const folder = stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  return loadIndicators(loadShippedData().indicators, folder, files);
}

async function check(argv: string[], options: CheckOptions, io: CommandIo): Promise<void> {
  const { recording, exe, holdsGpu } = options;
  if ((recording === undefined) === (argv.length === 0))
    throw new AssayError("cli/usage", "either a command line or --recording is needed", {
      place: "check",
      hint: "assay indicators check -- ./program --its-options",
    });
  const lists = listsIn(options, io);
  if (recording === undefined) {
    const process = { pid: 1, argv, exe, holdsDevice: holdsGpu };
    return io.stdout(checkText([process], lists));
  }
  io.stdout(await checkRecording(recording, lists, io));
}

interface UpdateOptions {
  stateDir?: string;
  to?: string;
  dryRun?: boolean;
}

/** Everything is read and checked before anything is written. */
function update(path: string, { stateDir, to, dryRun }: UpdateOptions, io: CommandIo): void {
  const files = readIndicatorPath(path);
  const state = stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const { indicators: shipped } = loadShippedData();
  const before = to === undefined ? loadIndicators(shipped, state) : shipped;
  const after = withFiles(before, files);
  io.stdout(differenceText(before, after, differences(before, after)));
  if (dryRun) return;
  const folder = to ?? indicatorFolder(state);
  for (const kept of keepFiles(files, folder)) io.stderr(`kept: ${kept}\n`);
  io.stderr(
    to === undefined
      ? "a daemon that runs takes it in when it is started again\n"
      : "name these files under indicators.files of the configuration\n",
  );
}
