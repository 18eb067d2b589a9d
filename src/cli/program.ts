import { Command, CommanderError } from "commander";
import { agentVersion } from "../config/data.ts";
import { AssayError, BAD_INPUT, FAILED } from "../model/errors.ts";
import { addClassifyCommand } from "./classify.ts";
import { addBenchCommand } from "./bench.ts";
import { addBackupCommand } from "./backup.ts";
import { addBudgetCommand } from "./budget.ts";
import { addCalibrateCommand } from "./calibrate.ts";
import { addCompareCommand } from "./compare.ts";
import { addCorrectCommand } from "./correct.ts";
import { addDisputeCommand } from "./dispute.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addExplainCommand } from "./explain.ts";
import { addRecordCommand } from "./record.ts";
import { addIncidentCommand } from "./incident/incident.ts";
import { addImportTraceCommand } from "./import-trace.ts";
import { addLaunchesCommand } from "./launches.ts";
import { addPruneCommand } from "./prune.ts";
import { addIndicatorsCommand } from "./indicators.ts";
import { addInspectCommand } from "./inspect.ts";
import { addReplayCommand } from "./replay.ts";
import { addReportCommand } from "./report.ts";
import { addEraseCommand } from "./erase.ts";
import { addPrivacyCommand } from "./privacy.ts";
import { addConfigCommand } from "./config.ts";
import { refuseEmptyPaths } from "./given-paths.ts";
import type { CommandIo } from "./io.ts";
import { addRetireCommand } from "./retire.ts";
import { addRunCommand } from "./run.ts";
import { addStatementCommand } from "./statement/statement.ts";
import { addSimulateCommand } from "./simulate.ts";
import { addVerifyCommand } from "./verify/verify.ts";

const ABOUT = `Tells what every second of GPU time was made of, who spent it and what it cost.

Start here:
  assay doctor                     what this machine offers, and what is missing
  assay run                        the daemon (without a GPU: a demonstration)
  assay classify FILE --json       label the windows of a recording
  assay report --group-by owner    what the ledger says it cost

Exit codes: 0 done or ended on request, 1 failed, 2 bad input, 130 asked twice to end. Results go to stdout, everything else to stderr.`;

/** In the order of the help text. */
const COMMANDS = [
  addRunCommand,
  addReportCommand,
  addStatementCommand,
  addCompareCommand,
  addCorrectCommand,
  addDisputeCommand,
  addVerifyCommand,
  addBudgetCommand,
  addDoctorCommand,
  addClassifyCommand,
  addExplainCommand,
  addIncidentCommand,
  addReplayCommand,
  addRecordCommand,
  addInspectCommand,
  addImportTraceCommand,
  addLaunchesCommand,
  addSimulateCommand,
  addCalibrateCommand,
  addBenchCommand,
  addIndicatorsCommand,
  addBackupCommand,
  addPruneCommand,
  addRetireCommand,
  addEraseCommand,
  addPrivacyCommand,
  addConfigCommand,
];

/** Parses the command line and runs one command. @returns the exit code; never throws */
export async function runProgram(argv: readonly string[], io: CommandIo): Promise<number> {
  const program = new Command("assay")
    .description(ABOUT)
    .version(agentVersion(), "-V, --version")
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showHelpAfterError("(add --help for what this command takes)")
    .exitOverride();
  for (const add of COMMANDS) add(program, io);
  for (const command of allCommands(program)) {
    command.exitOverride().copyInheritedSettings(program);
    refuseEmptyPaths(command);
  }
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    return exitCodeOf(error, io);
  }
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

/** Who asks a command to stop gets what is whole, and no failure: as `run`, `record` and `bench` end. */
function isAsRequested({ code }: AssayError, { signal }: CommandIo): boolean {
  return code === "probe/interrupted" && signal.aborted;
}

function exitCodeOf(error: unknown, io: CommandIo): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT;
  if (error instanceof AssayError) {
    if (isAsRequested(error, io)) {
      io.stderr(`${error.message}\n`);
      return 0;
    }
    io.stderr(`${error.report()}\n`);
    return error.exitCode;
  }
  // What nobody foresaw is a fault of ours: its stack is what a report of it needs.
  io.stderr(
    `internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return FAILED;
}
