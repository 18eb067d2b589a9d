import type { StoredSlice } from "../../ledger/contract.ts";
import { kilowattHours } from "../../model/energy.ts";
import type { Incident } from "../../model/incident.ts";
import { EXACT_PER_NANO, type ExactCost, formatDecimal } from "../../model/money.ts";
import type { OwnerFacts } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import { adviceFor } from "../advice.ts";
import { miningFamilies } from "../rules/evidence.ts";
import { isoTime } from "../rules/mining-text.ts";
import { countedOnce, storyText, storyTotals } from "../stories/totals.ts";
import { slicesOf } from "../usage-of.ts";
import { type IncidentRow, rowOf } from "./list.ts";
import { causeViews, namedPids, type TotalsView, totalsView } from "./parts.ts";
import { costOf, type IncidentBook } from "./read.ts";
import { type ProcessNode, processTree } from "./tree.ts";

export interface Money {
  amount: string;
  currency: string;
}

/** What an incident took of one device. */
export interface GpuPart {
  uuid: string;
  model?: string | undefined;
  index?: number | undefined;
  from: string;
  to: string;
  slices: number;
  gpuSeconds: number;
  energyKwh?: number | undefined;
  labels: readonly string[];
  /** Highest confidence of a slice's label. */
  confidence: number;
}

export interface OwnerView {
  key: string;
  rule?: string | undefined;
  reason?: string | undefined;
  proven: OwnerFacts;
  declared: OwnerFacts;
  conflicts: readonly string[];
}

export interface StateView {
  at: string;
  state: Incident["state"];
  severity: Incident["severity"];
  summary: string;
}

export interface StoryView extends TotalsView {
  id: string;
  text: string;
  money?: Money | undefined;
  others: readonly IncidentRow[];
}

/** All that the ledger knows of an incident. Strings are escaped. */
export interface IncidentDetail extends Omit<IncidentRow, "story"> {
  firedAt?: string | undefined;
  updatedAt: string;
  summary: string;
  advice: string;
  /** Independent families that speak for mining. */
  families: readonly string[];
  ownerFacts?: OwnerView | undefined;
  gpus: readonly GpuPart[];
  money?: Money | undefined;
  processes: readonly ProcessNode[];
  /** Processes that are known beside those shown. */
  processesLeftOut: number;
  story?: StoryView | undefined;
  history: readonly StateView[];
}

const MAX_PROCESSES = 24;
/** The ledger may know thousands of one owner. */
const MAX_READ_PROCESSES = 2000;
const MAX_CAUSES = 10;
const MAX_OTHERS = 20;
const MAX_HISTORY = 50;
const DECIMALS = 2;

/** @throws AssayError of the ledger, price/overlap */
export async function incidentDetail(
  book: IncidentBook,
  incident: Incident,
): Promise<IncidentDetail> {
  const { story: _, ...row } = rowOf(book, incident);
  const { firedAtMs, evidence } = incident;
  const history = await book.ledger.incidentHistory(incident.id);
  return {
    ...row,
    firedAt: firedAtMs === undefined ? undefined : isoTime(firedAtMs),
    updatedAt: isoTime(incident.updatedAtMs),
    summary: sanitize(incident.summary, 2000),
    advice: adviceFor(incident),
    families: miningFamilies([evidence]),
    ownerFacts: ownerView(book, incident),
    gpus: await gpuParts(book, incident),
    money: money(book, await costOf(book, [incident])),
    causes: causeViews(incident.causes ?? [], MAX_CAUSES),
    ...(await processesOf(book, incident)),
    story: await storyView(book, incident),
    history: history.slice(-MAX_HISTORY).map(({ updatedAtMs, state, severity, summary }) => ({
      at: isoTime(updatedAtMs),
      state,
      severity,
      summary: sanitize(summary, 800),
    })),
  };
}

function ownerView({ owners }: IncidentBook, { ownerKey }: Incident): OwnerView | undefined {
  const known = ownerKey === undefined ? undefined : owners.get(ownerKey);
  if (!known) return undefined;
  return {
    key: sanitize(known.key),
    rule: sanitize(known.rule, 64),
    reason: sanitize(known.reason, 500),
    proven: escaped(known.proven),
    declared: escaped(known.declared),
    conflicts: known.conflicts.map((conflict) => sanitize(conflict, 300)),
  };
}

function escaped(facts: OwnerFacts): OwnerFacts {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, value && sanitize(value, 120)]),
  );
}

async function gpuParts({ ledger, gpus }: IncidentBook, incident: Incident): Promise<GpuPart[]> {
  const parts = new Map<string, GpuSum>();
  for await (const slice of slicesOf(ledger, incident))
    parts.set(slice.gpuUuid, addSlice(parts.get(slice.gpuUuid), slice));
  return [...parts.entries()]
    .sort(([a], [b]) => (gpus.get(a)?.index ?? 0) - (gpus.get(b)?.index ?? 0) || (a < b ? -1 : 1))
    .map(([uuid, sum]) => {
      const gpu = gpus.get(uuid);
      return {
        uuid: sanitize(uuid, 100),
        model: gpu && sanitize(gpu.model, 80),
        index: gpu?.index,
        from: isoTime(sum.fromMs),
        to: isoTime(sum.toMs),
        slices: sum.slices,
        gpuSeconds: sum.gpuMs / 1000,
        energyKwh: sum.energyMj === undefined ? undefined : kilowattHours(sum.energyMj),
        labels: [...sum.labels],
        confidence: sum.confidence,
      };
    });
}

interface GpuSum {
  fromMs: number;
  toMs: number;
  slices: number;
  gpuMs: number;
  energyMj: number | undefined;
  labels: Set<string>;
  confidence: number;
}

function addSlice(sum: GpuSum | undefined, slice: StoredSlice): GpuSum {
  const { fromMs, toMs, timeMs, energyMj, label, confidence } = slice;
  if (!sum)
    return {
      fromMs,
      toMs,
      slices: 1,
      gpuMs: timeMs,
      energyMj,
      labels: new Set([label]),
      confidence,
    };
  return {
    fromMs: Math.min(sum.fromMs, fromMs),
    toMs: Math.max(sum.toMs, toMs),
    slices: sum.slices + 1,
    gpuMs: sum.gpuMs + timeMs,
    energyMj: energyMj === undefined ? sum.energyMj : (sum.energyMj ?? 0) + energyMj,
    labels: sum.labels.add(label),
    confidence: Math.max(sum.confidence, confidence),
  };
}

/** Those that the evidence names, those on its devices, those that came while it went on, then the rest. */
async function processesOf(
  { ledger }: IncidentBook,
  incident: Incident,
): Promise<{ processes: ProcessNode[]; processesLeftOut: number }> {
  const { ownerKey, startedAtMs, resolvedAtMs, gpuUuid, evidence } = incident;
  if (ownerKey === undefined) return { processes: [], processesLeftOut: 0 };
  const toMs = resolvedAtMs ?? Number.MAX_SAFE_INTEGER;
  const read = await ledger.processes({ ownerKey, toMs, limit: MAX_READ_PROCESSES });
  const newest = new Map<string, (typeof read)[number]>();
  for (const process of read) {
    const key = `${process.pid} ${process.startTimeMs ?? ""}`;
    if (!newest.has(key)) newest.set(key, process);
  }
  const named = namedPids(evidence);
  const rank = ({ pid, gpuUuids, firstSeenMs }: (typeof read)[number]): number => {
    if (named.has(pid)) return 3;
    if (gpuUuid === undefined ? gpuUuids.length > 0 : gpuUuids.includes(gpuUuid)) return 2;
    return firstSeenMs >= startedAtMs ? 1 : 0;
  };
  const all = [...newest.values()].sort(
    (a, b) => rank(b) - rank(a) || b.firstSeenMs - a.firstSeenMs || a.pid - b.pid,
  );
  const shown = all.slice(0, MAX_PROCESSES);
  return {
    processes: processTree(shown, named),
    processesLeftOut: all.length - shown.length,
  };
}

async function storyView(book: IncidentBook, incident: Incident): Promise<StoryView | undefined> {
  const story = book.stories.storyOf(incident.id);
  if (!story) return undefined;
  const others = story.incidents.filter(({ id }) => id !== incident.id);
  return {
    id: sanitize(story.id, 64),
    text: storyText(story, incident.id),
    ...totalsView(storyTotals(story)),
    money: money(book, await costOf(book, countedOnce(story.incidents))),
    others: others.slice(-MAX_OTHERS).map((each) => rowOf(book, each)),
  };
}

function money({ prices }: IncidentBook, cost: ExactCost | undefined): Money | undefined {
  if (!prices || cost === undefined) return undefined;
  const step = EXACT_PER_NANO * 10n ** BigInt(9 - DECIMALS);
  const amount = formatDecimal((cost + step / 2n) / step, DECIMALS);
  return { amount, currency: sanitize(prices.currency, 8) };
}
