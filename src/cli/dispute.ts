import type { Command } from "commander";
import { parseReportWindow } from "../bill/report-window.ts";
import { ownStretches } from "../bill/statement/stretches.ts";
import { submitActs } from "../daemon/submit.ts";
import type { Act, ActOf, LedgerReader } from "../ledger/contract.ts";
import { AssayError } from "../model/errors.ts";
import { heldIdle, ownerKey as keyOf } from "../model/owner.ts";
import { readShortId } from "../model/short-id.ts";
import { sanitize } from "../model/text.ts";
import { actor } from "./acts/actor.ts";
import {
  knownOwnerKey,
  newId,
  reasonOf,
  sleep,
  stateDirOf,
  withLedger,
  withPlace,
} from "./acts/common.ts";
import { type CorrectionOptions, planCorrection, planText, spanText } from "./acts/correction.ts";
import { type Dispute, disputesOf } from "./acts/disputes.ts";
import { disputeListText, disputeText } from "./acts/dispute-text.ts";
import { noDispute, withCorrection } from "./correct.ts";
import { gpuOf } from "./chosen-gpu.ts";
import type { CommandIo } from "./io.ts";
import { issuedIds, noReport } from "./report/known.ts";
import { withWindowOptions } from "./window-options.ts";

const ABOUT = `Disputes: an owner says that a bill or a label is wrong, and somebody decides.

Each is a record with its outcome; nothing is edited, and nothing is forgotten.

  assay dispute open --owner user:alice --from 2026-03-01 --to 2026-03-02 \\
    --reason "that was a checksum of my data set, not mining"
  assay dispute show D-3F7K2M9Q
  assay dispute decide D-3F7K2M9Q --outcome upheld --reason "she showed the job" \\
    --label other`;

const OUTCOMES = ["upheld", "rejected", "withdrawn"] as const;
/** Stretches of each label that are shown with their evidence. */
const SHOWN = 3;

interface PlaceOptions {
  stateDir?: string;
  json?: boolean;
}

interface OpenOptions extends PlaceOptions {
  owner: string;
  from?: string;
  to?: string;
  gpu?: string;
  report?: string;
  reason: string;
}

interface DecideOptions extends PlaceOptions, CorrectionOptions {
  outcome: string;
  dryRun?: boolean;
}

export function addDisputeCommand(program: Command, io: CommandIo): void {
  const dispute = program
    .command("dispute")
    .summary("Disputes: open one, list, show, decide")
    .description(ABOUT);
  withPlace(dispute.command("open").summary("Put a dispute on record"))
    .description("Put on record that an owner disputes a stretch of time.")
    .requiredOption("--owner <key>", "who disputes, such as user:alice")
    .option("--from <time>", "ISO 8601 (UTC), or an age such as -24h")
    .option("--to <time>", "the same, or now")
    .option("--gpu <index|uuid>", "only this device's time")
    .option("--report <id>", "the issued report that it is about")
    .requiredOption("--reason <text>", "what is wrong; kept, and shown to whoever decides")
    .action(async (options: OpenOptions) => open(options, io));
  withPlace(dispute.command("list").summary("All disputes"))
    .description("List all disputes, in the order in which they were opened.")
    .action(async (options: PlaceOptions) => list(options, io));
  withPlace(dispute.command("show").summary("One dispute, with the slices in question"))
    .description("Show a dispute: who said what when, and what the slices in question rest on.")
    .argument("<id>", "id of the dispute")
    .action(async (id: string, options: PlaceOptions) => show(id, options, io));
  withPlace(withCorrection(dispute.command("decide").summary("Decide a dispute")))
    .description(
      `Decide a dispute, and with --label or --new-owner correct its slices in the same transaction.
Window, device and owner of the correction are those of the dispute unless others are named.`,
    )
    .argument("<id>", "id of the dispute")
    .requiredOption("--outcome <outcome>", OUTCOMES.join(", "))
    .requiredOption("--reason <text>", "why; kept, and shown to whoever is concerned")
    .option("--dry-run", "show what would be put on record, and change nothing")
    .action(async (id: string, options: DecideOptions) => decide(id, options, io));
}

async function open(options: OpenOptions, io: CommandIo): Promise<void> {
  const stateDir = stateDirOf(options.stateDir, io);
  const act = await withLedger(stateDir, async (ledger) => newDispute(ledger, options, io));
  await submitActs(stateDir, [act], sleep);
  io.stdout(options.json ? `${JSON.stringify(act)}\n` : `${act.id}\n`);
  io.stderr(`the dispute is on record as ${act.id}, by ${act.by}\n`);
}

async function newDispute(
  ledger: LedgerReader,
  options: OpenOptions,
  io: CommandIo,
): Promise<ActOf<"dispute">> {
  const owner = knownOwnerKey(options.owner);
  const reason = reasonOf(options.reason);
  const window = await withWindowOptions(async () =>
    parseReportWindow(options.from, options.to, io.nowMs(), await ledger.extent()),
  );
  const gpu = options.gpu === undefined ? undefined : gpuOf(await ledger.gpus(), options.gpu);
  const report = options.report === undefined ? undefined : readShortId(options.report);
  if (report !== undefined) {
    const known = await issuedIds(ledger);
    if (!known.includes(report)) throw noReport(report, known);
  }
  const query = { ...window, gpuUuid: gpu?.uuid, limit: 1 };
  const own = await ledger.slices({ ...query, ownerKey: owner });
  const held = await ledger.slices({ ...query, ownerKey: keyOf(heldIdle(owner)) });
  if (own.length + held.length === 0)
    throw new AssayError(
      "act/invalid",
      `${sanitize(owner, 100)} had no part of ${spanText(window)}`,
      { place: "--owner", hint: "an owner can dispute what is said of their own time" },
    );
  return {
    kind: "dispute",
    id: newId("D"),
    atMs: io.nowMs(),
    by: actor(io.env),
    reason,
    ownerKey: own[0] ? keyOf(own[0].owner) : owner,
    ...window,
    ...(gpu && { gpuUuid: gpu.uuid }),
    state: "open",
    ...(report !== undefined && { report }),
  };
}

async function list({ stateDir, json }: PlaceOptions, io: CommandIo): Promise<void> {
  const disputes = await withLedger(stateDirOf(stateDir, io), disputesOf);
  io.stdout(json ? `${JSON.stringify({ disputes })}\n` : disputeListText(disputes));
}

async function show(id: string, { stateDir, json }: PlaceOptions, io: CommandIo): Promise<void> {
  await withLedger(stateDirOf(stateDir, io), async (ledger) => {
    const dispute = await found(ledger, id);
    const { fromMs, toMs, gpuUuid, ownerKey } = dispute.opened;
    const query = { fromMs, toMs, gpuUuid, ownerKey, keep: SHOWN };
    const labels = await ownStretches(ledger, query);
    const text = json
      ? `${JSON.stringify({ ...dispute, labels })}\n`
      : disputeText(dispute, labels, await ledger.gpus());
    io.stdout(text);
  });
}

async function decide(id: string, options: DecideOptions, io: CommandIo): Promise<void> {
  const stateDir = stateDirOf(options.stateDir, io);
  const state = OUTCOMES.find((known) => known === options.outcome);
  if (!state)
    throw new AssayError("cli/usage", `"${sanitize(options.outcome, 60)}" is no outcome`, {
      place: "--outcome",
      hint: `one of ${OUTCOMES.join(", ")}`,
    });
  const reason = reasonOf(options.reason);
  const acts = await withLedger(stateDir, async (ledger): Promise<Act[]> => {
    const dispute = await found(ledger, id);
    refuseDecided(dispute);
    const decided = { ...dispute.opened, state, reason, atMs: io.nowMs(), by: actor(io.env) };
    return [decided, ...(await correctionsOf(ledger, dispute, { ...options, reason }, io))];
  });
  if (options.json) io.stdout(`${JSON.stringify({ acts, dryRun: options.dryRun === true })}\n`);
  if (options.dryRun) return void io.stderr("nothing was changed\n");
  await submitActs(stateDir, acts, sleep);
  io.stderr(`${acts[0]?.id ?? ""} is ${state}, by ${acts[0]?.by ?? ""}\n`);
}

/** One correction for each device on which the owner had time that is disputed. */
async function correctionsOf(
  ledger: LedgerReader,
  { id, opened }: Dispute,
  options: DecideOptions,
  io: CommandIo,
): Promise<Act[]> {
  if (options.label === undefined && options.newOwner === undefined) return [];
  if (options.outcome !== "upheld")
    throw new AssayError("cli/usage", `a dispute that is ${options.outcome} corrects nothing`, {
      place: options.label === undefined ? "--new-owner" : "--label",
      hint: "--outcome upheld, or no correction",
    });
  const asked = {
    ...options,
    from: options.from ?? new Date(opened.fromMs).toISOString(),
    to: options.to ?? new Date(opened.toMs).toISOString(),
    owner: options.owner ?? opened.ownerKey,
  };
  const given = options.gpu ?? opened.gpuUuid;
  const gpus = given === undefined ? await devicesOf(ledger, opened, asked.owner) : [given];
  const acts: Act[] = [];
  for (const gpu of gpus) {
    const who = { id: newId("C"), by: actor(io.env), nowMs: io.nowMs(), dispute: id };
    const plan = await planCorrection(ledger, { ...asked, gpu }, who);
    if (!options.json) io.stdout(planText(plan));
    acts.push(plan.act);
  }
  return acts;
}

async function devicesOf(
  ledger: LedgerReader,
  { fromMs, toMs }: Dispute["opened"],
  ownerKey: string,
): Promise<string[]> {
  const uuids: string[] = [];
  for (const { uuid } of await ledger.gpus()) {
    const own = await ledger.slices({ fromMs, toMs, gpuUuid: uuid, ownerKey, limit: 1 });
    if (own.length > 0) uuids.push(uuid);
  }
  return uuids;
}

async function found(ledger: LedgerReader, given: string): Promise<Dispute> {
  const id = readShortId(given);
  const disputes = await disputesOf(ledger);
  const dispute = disputes.find((each) => each.id === id);
  if (dispute) return dispute;
  throw noDispute(
    id,
    disputes.map((each) => each.id),
  );
}

function refuseDecided({ id, newest }: Dispute): void {
  if (newest.state === "open") return;
  const when = new Date(newest.atMs).toISOString();
  throw new AssayError("act/invalid", `the dispute ${id} is ${newest.state} already`, {
    place: `by ${sanitize(newest.by, 100)}, ${when}`,
    hint: "open another one where something is still wrong",
  });
}
