import { formatDecimal } from "../../model/money.ts";
import { type OwnerFacts, parseOwnerKey } from "../../model/owner.ts";
import { formatInstant } from "../instant.ts";
import { groupedBy } from "../group.ts";
import { type PricedPiece, settledCosts, sumOf } from "../lines.ts";
import type { Report } from "../report-types.ts";
import { bearerOf } from "./bearer.ts";
import { foreignCell } from "./cells.ts";

/** As `sacct` calls them; those after `ConsumedEnergyRaw` are ours. */
const FIELDS = [
  "JobID",
  "JobName",
  "User",
  "Account",
  "Partition",
  "NodeList",
  "Start",
  "End",
  "ElapsedRaw",
  "AllocTRES",
  "TRESUsageInAve",
  "ConsumedEnergyRaw",
  "GPUSeconds",
  "Cost",
  "Currency",
  "Owner",
] as const;

type Row = Record<(typeof FIELDS)[number], string>;

/**
 * A report's pieces as `sacct -P` writes: one line an owner, fields between bars, used and held time
 * together. An owner that is no job has no JobID. The GPU-seconds and the costs of all lines sum to
 * those of the report.
 */
export function renderReportSlurm(report: Report, all: readonly PricedPiece[]): string {
  const groups = groupedBy(all, (piece) => bearerOf(piece.ownerKey));
  const costs = settledCosts(groups);
  const rows = [...groups].map(([owner, pieces]) => {
    const cost = report.currency === undefined ? undefined : costs.get(owner)?.totalNanos;
    return rowOf(report, owner, pieces, cost);
  });
  const lines = rows.map((row) => FIELDS.map((field) => cell(row[field])).join("|"));
  return `${[FIELDS.join("|"), ...lines].join("\n")}\n`;
}

/** `sacct` has no quoting: a bar in a name would begin a field. */
function cell(text: string): string {
  return foreignCell(text).replaceAll("|", "\\u{7c}");
}

function rowOf(
  report: Report,
  owner: string,
  pieces: readonly PricedPiece[],
  nanos: bigint | undefined,
): Row {
  const facts = pieces.find((piece) => piece.facts)?.facts ?? {};
  return {
    JobID: jobId(owner, facts),
    JobName: facts.jobName ?? "",
    User: facts.user ?? idOf(owner, "user"),
    Account: facts.account ?? "",
    Partition: facts.partition ?? "",
    NodeList: [...new Set(pieces.map(({ gpu }) => gpu.node))].join(","),
    Start: formatInstant(report.window.fromMs),
    End: formatInstant(report.window.toMs),
    ElapsedRaw: String(elapsedSeconds(pieces)),
    AllocTRES: `gres/gpu=${new Set(pieces.map(({ gpuUuid }) => gpuUuid)).size}`,
    TRESUsageInAve: usage(pieces),
    ConsumedEnergyRaw: joules(pieces),
    GPUSeconds: formatDecimal(BigInt(sumOf(pieces, (piece) => piece.timeMs)), 3),
    Cost: nanos === undefined ? "" : formatDecimal(nanos, 9),
    Currency: report.currency ?? "",
    Owner: owner,
  };
}

/** The scheduler's own number, where the ledger has it: an owner's key names the scheduler as well. */
function jobId(owner: string, facts: OwnerFacts): string {
  const id = idOf(owner, "job");
  return id === "" ? "" : (facts.job ?? id.slice(id.indexOf(":") + 1));
}

function idOf(owner: string, kind: "job" | "user"): string {
  const parsed = parseOwnerKey(owner);
  return parsed?.kind === kind ? parsed.id : "";
}

/** The most time it had of one device: of a device it had to itself, the time it ran. */
function elapsedSeconds(pieces: readonly PricedPiece[]): number {
  const byGpu = groupedBy(pieces, (piece) => piece.gpuUuid);
  const times = [...byGpu.values()].map((own) => sumOf(own, (piece) => piece.timeMs));
  return Math.floor(times.reduce((most, ms) => Math.max(most, ms), 0) / 1000);
}

/** How much of the time that it had it used, in percent; nothing where nobody used or held anything. */
function usage(pieces: readonly PricedPiece[]): string {
  const usedMs = timeOf(pieces, "used");
  const hadMs = usedMs + timeOf(pieces, "held");
  return hadMs === 0 ? "" : `gres/gpuutil=${Math.round((usedMs / hadMs) * 100)}`;
}

function timeOf(pieces: readonly PricedPiece[], charge: PricedPiece["charge"]): number {
  return sumOf(pieces, (piece) => (piece.charge === charge ? piece.timeMs : 0));
}

/** Empty where none of it was measured. */
function joules(pieces: readonly PricedPiece[]): string {
  const isMeasured = pieces.some((piece) => piece.timeMs > piece.energyUnmeasuredMs);
  return isMeasured ? String(Math.round(sumOf(pieces, (piece) => piece.energyMj) / 1000)) : "";
}
