import type { Command } from "commander";
import { formatInstant } from "../bill/instant.ts";
import { parseReportWindow } from "../bill/report-window.ts";
import { submitActs } from "../daemon/submit.ts";
import { actor } from "./acts/actor.ts";
import { newId, reasonOf, sleep, stateDirOf, withLedger, withPlace } from "./acts/common.ts";
import { gpuOf } from "./chosen-gpu.ts";
import type { CommandIo } from "./io.ts";
import { withWindowOptions } from "./window-options.ts";

const ABOUT = `Put on record that a GPU was taken out of the node for good.

Until then a GPU that is not seen any more goes on counting, as unobserved time
that somebody pays for. Nothing in the ledger is changed. A GPU that is seen
again counts again, as if it had never been away.

  assay retire --gpu GPU-3f2a… --at 2026-03-01T10:00Z --reason "sent back, RMA 4711"`;

interface RetireOptions {
  gpu: string;
  at: string;
  reason: string;
  stateDir?: string;
  json?: boolean;
}

export function addRetireCommand(program: Command, io: CommandIo): void {
  const command = program
    .command("retire")
    .summary("Put on record that a GPU is gone for good")
    .description(ABOUT)
    .requiredOption("--gpu <index|uuid>", "which device");
  withPlace(command)
    .option("--at <time>", "since when: ISO 8601 (UTC), an age such as -24h, or now", "now")
    .requiredOption("--reason <text>", "why; it is kept")
    .action(async (options: RetireOptions) => retire(options, io));
}

async function retire(options: RetireOptions, io: CommandIo): Promise<void> {
  const stateDir = stateDirOf(options.stateDir, io);
  const nowMs = io.nowMs();
  const reason = reasonOf(options.reason);
  const { toMs: fromMs } = await withWindowOptions(
    () => parseReportWindow("1970-01-01", options.at, nowMs, undefined),
    { to: "--at" },
  );
  const gpu = await withLedger(stateDir, async (ledger) => gpuOf(await ledger.gpus(), options.gpu));
  const told = { id: newId("G"), by: actor(io.env), reason, atMs: nowMs };
  const act = { kind: "retirement", ...told, gpuUuid: gpu.uuid, fromMs } as const;
  await submitActs(stateDir, [act], sleep);
  if (options.json) io.stdout(`${JSON.stringify(act)}\n`);
  else io.stdout(`GPU ${gpu.index} ${gpu.uuid} counts until ${formatInstant(fromMs)}\n`);
  io.stderr(`on record as ${act.id}, by ${act.by}\n`);
}
