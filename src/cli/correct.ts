import type { Command } from "commander";
import { submitActs } from "../daemon/submit.ts";
import { AssayError } from "../model/errors.ts";
import { LABELS } from "../model/label.ts";
import { readShortId } from "../model/short-id.ts";
import { sanitize } from "../model/text.ts";
import { actor } from "./acts/actor.ts";
import { nearestIds, newId, sleep, stateDirOf, withLedger, withPlace } from "./acts/common.ts";
import { type CorrectionOptions, planCorrection, planText } from "./acts/correction.ts";
import { disputesOf } from "./acts/disputes.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Put on record that slices were labelled wrongly, or belong to somebody else.

Nothing in the ledger is changed: the correction is a record of its own, with who
made it, when and why; sums and reports count by it from then on. It fits the
slices that lie wholly inside the window. Shown first; --dry-run shows only.

  assay correct --from 2026-03-01T10:00Z --to 2026-03-01T11:00Z --gpu 0 \\
    --owner user:alice --label training-like --reason "her run, shown to us"`;

interface CorrectOptions extends CorrectionOptions {
  dispute?: string;
  dryRun?: boolean;
  stateDir?: string;
  json?: boolean;
}

export function addCorrectCommand(program: Command, io: CommandIo): void {
  const command = program
    .command("correct")
    .summary("Put a correction of labels or owners on record")
    .description(ABOUT);
  withPlace(withCorrection(command))
    .requiredOption("--reason <text>", "why; it is kept, and shown to whoever is concerned")
    .option("--dispute <id>", "the dispute that it settles")
    .option("--dry-run", "show what it would change, and change nothing")
    .action(async (options: CorrectOptions) => correct(options, io));
}

/** The options that say what is corrected: also those of `assay dispute decide`. */
export function withCorrection(command: Command): Command {
  return command
    .option("--from <time>", "ISO 8601 (UTC), or an age such as -24h")
    .option("--to <time>", "the same, or now")
    .option("--gpu <index|uuid>", "which device; may be left out where there is one")
    .option("--owner <key>", "only the slices of this owner, such as user:alice")
    .option("--label <label>", `what they are called from now on: ${LABELS.join(", ")}`)
    .option("--new-owner <key>", "whom they belong to from now on");
}

async function correct(options: CorrectOptions, io: CommandIo): Promise<void> {
  const stateDir = stateDirOf(options.stateDir, io);
  const dispute = options.dispute === undefined ? undefined : readShortId(options.dispute);
  const plan = await withLedger(stateDir, async (ledger) => {
    if (dispute !== undefined) {
      const known = (await disputesOf(ledger)).map(({ id }) => id);
      if (!known.includes(dispute)) throw noDispute(dispute, known);
    }
    const who = { id: newId("C"), by: actor(io.env), nowMs: io.nowMs(), dispute };
    return planCorrection(ledger, options, who);
  });
  if (options.json) io.stdout(`${JSON.stringify({ ...plan, dryRun: options.dryRun === true })}\n`);
  else io.stdout(planText(plan));
  if (options.dryRun) return void io.stderr("nothing was changed\n");
  await submitActs(stateDir, [plan.act], sleep);
  io.stderr(`on record as ${plan.act.id}, by ${plan.act.by}\n`);
}

/** @returns act/not-found, with the ids that come nearest */
export function noDispute(id: string, known: readonly string[]): AssayError {
  return new AssayError("act/not-found", `there is no dispute ${sanitize(id, 60)}`, {
    place: "the ledger",
    hint:
      known.length === 0
        ? "no dispute was opened yet: assay dispute open"
        : `the nearest are ${nearestIds(id, known)}`,
  });
}
