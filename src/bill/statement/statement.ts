import type {
  ActOf,
  KnownGpu,
  KnownOwner,
  KnownProcess,
  LedgerReader,
} from "../../ledger/contract.ts";
import { AssayError } from "../../model/errors.ts";
import { type Label } from "../../model/label.ts";
import { heldIdle, holderOf, ownerKey as keyOf, parseOwnerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import { type Window, intersect } from "../../model/window.ts";
import type { PriceList } from "../price-types.ts";
import { buildReport } from "../report.ts";
import type { Amounts, Report, ReportLine } from "../report-types.ts";
import { type Discretion, discretionFor } from "./others.ts";
import { type LabelStretches, type Stretch, ownStretches } from "./stretches.ts";

export interface StatementRequest {
  ledger: LedgerReader;
  prices: PriceList | undefined;
  window: Window;
  /** As the ledger keeps it. */
  ownerKey: string;
  nowMs: number;
}

/** Of one day (UTC): what the owner had of it, label by label. */
export interface StatementDay {
  fromMs: number;
  charge: "used" | "held";
  label: Label;
  gpuMs: number;
  energyMj: number;
}

export interface StatementAct {
  id: string;
  atMs: number;
  by: string;
  /** What it says and why; undefined where that names somebody else. */
  text: string | undefined;
}

/** What one owner is given: their own lines with what they rest on, and nothing of anybody else. */
export interface Statement {
  ownerKey: string;
  report: Pick<
    Report,
    "window" | "generatedAtMs" | "currency" | "priceList" | "simulated" | "coverage" | "nodes"
  >;
  /** The owner's lines of the full report by owner and label. */
  lines: readonly ReportLine[];
  totals: { used: Amounts; held: Amounts; all: Amounts };
  days: readonly StatementDay[];
  labels: readonly LabelStretches[];
  /** How it was found that the time is theirs. */
  owner: Pick<KnownOwner, "rule" | "reason" | "proven" | "declared" | "conflicts"> | undefined;
  gpus: readonly Pick<KnownGpu, "uuid" | "index" | "model" | "node">[];
  processes: readonly OwnProcess[];
  moreProcesses: boolean;
  disputes: readonly (StatementAct & { state: string; window: Window })[];
  corrections: readonly (StatementAct & { window: Window; label?: Label | undefined })[];
  /** Sentences that name somebody else and are not shown. */
  keptBack: number;
}

export type OwnProcess = Pick<KnownProcess, "pid" | "firstSeenMs"> & {
  comm?: string | undefined;
  command?: string | undefined;
};

const DAY_MS = 86_400_000;
const MAX_DAYS = 3700;
const MAX_PROCESSES = 100;
const KEPT_STRETCHES = 3;

/**
 * An owner's own part of the full report, to the unit, with the evidence.
 * @throws AssayError explain/owner where the owner had no part of the window; as `buildReport`
 */
export async function buildStatement(request: StatementRequest): Promise<Statement> {
  const { ledger, prices, window, ownerKey, nowMs } = request;
  const full = await buildReport({ ledger, prices, window, groupBy: ["owner", "label"], nowMs });
  const lines = full.lines.filter((line) => whose(line) === ownerKey);
  if (lines.length === 0)
    throw new AssayError("explain/owner", `${sanitize(ownerKey, 100)} had no part of the window`, {
      place: "--owner",
      hint: "assay report --group-by owner lists who had",
    });
  const owners = await ledger.owners();
  const keys = full.lines.flatMap(({ group }) => group.owner ?? []);
  const discretion = discretionFor(ownerKey, [...keys, ...owners.map(({ key }) => key)], owners);
  const of = (charge: string): readonly ReportLine[] =>
    lines.filter((line) => line.charge === charge);
  const query = { ...full.window, ownerKey, keep: KEPT_STRETCHES };
  const labels = (await ownStretches(ledger, query)).map((each) => discreet(each, discretion));
  const seen = await ledger.processes({
    ownerKey,
    toMs: full.window.toMs,
    limit: MAX_PROCESSES + 1,
  });
  const statement = {
    ownerKey,
    report: full,
    lines,
    totals: { used: sum(of("used")), held: sum(of("held")), all: sum(lines) },
    days: await days(ledger, full.window, ownerKey),
    labels,
    owner: identity(owners, ownerKey, discretion),
    gpus: await ledger.gpus(),
    processes: seen.slice(0, MAX_PROCESSES).map((each) => process(each, discretion)),
    moreProcesses: seen.length > MAX_PROCESSES,
    ...(await acts(ledger, full.window, ownerKey, discretion)),
  };
  return { ...statement, keptBack: discretion.keptBack() };
}

/** Whose a line is: of time a device idled while it was held, the holder's. */
function whose({ charge, group }: ReportLine): string | undefined {
  const owner = charge === "held" ? parseOwnerKey(group.owner ?? "") : undefined;
  return (owner && holderOf(owner)) ?? group.owner;
}

export function sum(lines: readonly ReportLine[]): Amounts {
  const total = (amount: (line: ReportLine) => number): number =>
    lines.reduce((acc, line) => acc + amount(line), 0);
  const nanos = (amount: (cost: NonNullable<Amounts["cost"]>) => bigint): bigint =>
    lines.reduce((acc, { cost }) => acc + (cost ? amount(cost) : 0n), 0n);
  return {
    gpuMs: total((line) => line.gpuMs),
    energyMj: total((line) => line.energyMj),
    energyUnmeasuredMs: total((line) => line.energyUnmeasuredMs),
    idleEnergyMj: total((line) => line.idleEnergyMj),
    dynamicEnergyMj: total((line) => line.dynamicEnergyMj),
    energyUnsplitMs: total((line) => line.energyUnsplitMs),
    cost: lines.some(({ cost }) => cost)
      ? {
          timeNanos: nanos((cost) => cost.timeNanos),
          energyNanos: nanos((cost) => cost.energyNanos),
          totalNanos: nanos((cost) => cost.totalNanos),
        }
      : undefined,
  };
}

async function days(
  ledger: LedgerReader,
  { fromMs, toMs }: Window,
  ownerKey: string,
): Promise<StatementDay[]> {
  const bounds = [fromMs];
  for (let at = Math.floor(fromMs / DAY_MS) * DAY_MS + DAY_MS; at < toMs; at += DAY_MS)
    if (bounds.length < MAX_DAYS) bounds.push(at);
  bounds.push(toMs);
  const held = keyOf(heldIdle(ownerKey));
  const out = new Map<string, StatementDay>();
  for (const { fromMs: dayMs, rows } of await ledger.usage(bounds))
    for (const row of rows) {
      if (row.ownerKey !== ownerKey && row.ownerKey !== held) continue;
      const charge = row.ownerKey === held ? "held" : "used";
      const key = `${dayMs} ${charge} ${row.label}`;
      const day = out.get(key) ?? {
        fromMs: dayMs,
        charge,
        label: row.label,
        gpuMs: 0,
        energyMj: 0,
      };
      day.gpuMs += row.timeMs;
      day.energyMj += row.energyMj;
      out.set(key, day);
    }
  return [...out.values()].filter(({ gpuMs, energyMj }) => gpuMs > 0 || energyMj > 0);
}

function discreet(of: LabelStretches, discretion: Discretion): LabelStretches {
  const shown = (stretch: Stretch): Stretch => ({
    ...stretch,
    evidence: stretch.evidence.flatMap(({ value, text, ...rest }) => {
      const [said, told] = [discretion.shown(text), discretion.shown(String(value ?? ""))];
      return said === undefined || told === undefined ? [] : [{ ...rest, value, text: said }];
    }),
  });
  return { ...of, longest: of.longest.map(shown), leastCertain: of.leastCertain.map(shown) };
}

function identity(
  owners: readonly KnownOwner[],
  ownerKey: string,
  discretion: Discretion,
): Statement["owner"] {
  const known = owners.find(({ key }) => key === ownerKey);
  if (!known) return undefined;
  const facts = (of: KnownOwner["proven"]): KnownOwner["proven"] =>
    Object.fromEntries(
      Object.entries(of).filter(([, value]) => discretion.shown(value ?? "") !== undefined),
    );
  return {
    rule: known.rule,
    reason: discretion.shown(known.reason) ?? "it names somebody else and is not shown",
    proven: facts(known.proven),
    declared: facts(known.declared),
    conflicts: known.conflicts.map(
      (each) => discretion.shown(each) ?? "one that names somebody else and is not shown",
    ),
  };
}

function process(
  { pid, firstSeenMs, comm, command }: KnownProcess,
  discretion: Discretion,
): OwnProcess {
  const shown = (text: string | undefined) => text && discretion.shown(text);
  return { pid, firstSeenMs, comm: shown(comm), command: shown(command) };
}

async function acts(
  ledger: LedgerReader,
  window: Window,
  ownerKey: string,
  discretion: Discretion,
): Promise<Pick<Statement, "disputes" | "corrections">> {
  const told = ({
    id,
    atMs,
    by,
    reason,
  }: ActOf<"dispute"> | ActOf<"correction">): StatementAct => ({
    id,
    atMs,
    by: discretion.shown(by) ?? "somebody",
    text: discretion.shown(reason),
  });
  const span = ({ fromMs, toMs }: Window): Window => ({ fromMs, toMs });
  const disputes = (await ledger.acts({ kind: "dispute" })).flatMap((act) =>
    act.kind === "dispute" && act.ownerKey === ownerKey && intersect(act, window)
      ? [{ ...told(act), state: act.state, window: span(act) }]
      : [],
  );
  const own = await ownGpus(ledger, window, ownerKey);
  const corrections = (await ledger.acts({ kind: "correction" })).flatMap((act) =>
    act.kind === "correction" && intersect(act, window) && concerns(act, ownerKey, own)
      ? [{ ...told(act), window: span(act), label: act.label }]
      : [],
  );
  return { disputes, corrections };
}

/** A correction of everybody on a device concerns whoever had time there. */
function concerns(
  { ownerKey, newOwnerKey, gpuUuid }: ActOf<"correction">,
  own: string,
  ownGpuUuids: ReadonlySet<string>,
): boolean {
  if (ownerKey === own || newOwnerKey === own) return true;
  return ownerKey === undefined && ownGpuUuids.has(gpuUuid);
}

async function ownGpus(
  ledger: LedgerReader,
  { fromMs, toMs }: Window,
  ownerKey: string,
): Promise<Set<string>> {
  const [all] = await ledger.usage([fromMs, toMs]);
  return new Set(
    (all?.rows ?? []).flatMap((row) => (row.ownerKey === ownerKey ? [row.gpuUuid] : [])),
  );
}
