import type { GapRecord, LedgerReader } from "../ledger/contract.ts";
import { AssayError } from "../model/errors.ts";
import type { OwnerFacts } from "../model/owner.ts";
import { type Window, windowLengthMs } from "../model/window.ts";
import { allocationWords } from "./allocation-words.ts";
import { appliedOverhead, appliedRates } from "./applied-rates.ts";
import { boundsOf } from "./bounds.ts";
import { formatInstant } from "./instant.ts";
import { costOptions, totalCost } from "./line-costs.ts";
import { amountsOf, toLines } from "./lines.ts";
import type { UsagePiece } from "./piece.ts";
import { poolsOf } from "./price-precedence.ts";
import type { PriceList } from "./price-types.ts";
import { type PricedPiece, priced } from "./priced.ts";
import { type Rates, type UnitPrices, ratesFor, unitPricesAt } from "./rates.ts";
import { reconcile } from "./reconcile.ts";
import type { GroupKey, Report, ReportLine } from "./report-types.ts";
import { type UnobservedStretch, unobservedStretches } from "./stretches.ts";
import { sumOf } from "./sum.ts";
import { type BilledGpu, billedGpus, recordedUsage, unrecordedUsage } from "./usage.ts";

export interface ReportRequest {
  ledger: LedgerReader;
  /** Without one the report has hours and energy, and no costs. */
  prices: PriceList | undefined;
  /** Half-open, UTC, whole milliseconds. */
  window: Window;
  groupBy: readonly GroupKey[];
  nowMs: number;
}

/** A daemon may append between two reads of one report; a report that then fails is read again. */
const ATTEMPTS = 3;

/** Everything a ledger and a price list say of a window, read once: reports are made of it. */
export interface Books {
  /** The part of the window there can be data of. */
  window: Window;
  nowMs: number;
  prices: PriceList | undefined;
  gpus: readonly BilledGpu[];
  pieces: readonly PricedPiece[];
  unobserved: readonly UnobservedStretch[];
  gaps: readonly GapRecord[];
}

export interface BooksRequest extends Omit<ReportRequest, "groupBy"> {
  /** What a report will be grouped by, where that asks for cuts. */
  groupBy?: readonly GroupKey[] | undefined;
  /** Instants at which pieces are to be cut beside those at which a price changes. */
  cuts?: ((window: Window, gpus: readonly BilledGpu[]) => readonly number[]) | undefined;
}

/**
 * Who had the GPU time of a window, what it was, and what it cost. Every GPU-millisecond from the
 * time a device was first seen is in exactly one line.
 * @throws AssayError report/window, price/missing, price/overlap, price/currency, report/unreconciled
 */
export async function buildReport(request: ReportRequest): Promise<Report> {
  return withBooks(request, (books) => reportOf(books, request.groupBy));
}

/**
 * Reads the books of a window and makes something of them: several reports, say, that then speak of
 * one moment.
 * @param make throws `report/unreconciled` where the books do not add up: they are then read again
 * @throws AssayError as {@link buildReport}
 */
export async function withBooks<T>(request: BooksRequest, make: (books: Books) => T): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return make(await readBooks(request));
    } catch (error) {
      const raced = error instanceof AssayError && error.code === "report/unreconciled";
      if (!raced || attempt === ATTEMPTS) throw error;
    }
  }
}

async function readBooks(request: BooksRequest): Promise<Books> {
  const { ledger, prices, nowMs } = request;
  const window = await pastPart(request);
  const coverage = await ledger.coverage(window);
  const gpus = billedGpus(await ledger.gpus(), coverage, window);
  const rates = prices && ratesFor(prices, gpus, window);
  const knownMs = Math.min(window.toMs, ...gpus.map(({ fromMs }) => fromMs));
  const cuts = request.cuts?.(window, gpus) ?? [];
  const bounds = cutAlso(boundsOf(window, rates, request.groupBy ?? [], knownMs), cuts);
  const recorded = await recordedUsage(ledger, bounds);
  const unrecorded = unrecordedUsage(recorded, gpus, bounds);
  const facts = new Map((await ledger.owners()).map(({ key, proven }) => [key, proven]));
  const pieces = pricer({ gpus, rates, prices, facts })([...recorded, ...unrecorded]);
  const gaps = await ledger.gaps(window);
  const unobserved = unobservedStretches(coverage, gpus, gaps);
  return { window, nowMs, prices, gpus, pieces, unobserved, gaps };
}

/** @param bounds ascending; its first and last stay what they are */
function cutAlso(bounds: readonly number[], cuts: readonly number[]): number[] {
  const [first = 0, last = 0] = [bounds[0], bounds.at(-1)];
  const inside = cuts.filter((atMs) => atMs > first && atMs < last);
  return [...new Set([...bounds, ...inside])].sort((a, b) => a - b);
}

/**
 * The report of a grouping.
 * @throws AssayError report/unreconciled
 */
export function reportOf(books: Books, groupBy: readonly GroupKey[]): Report {
  const { window, nowMs, prices, gpus, pieces, unobserved, gaps } = books;
  const lines = toLines(pieces, groupBy, prices && costOptions(prices));
  const totals = totalsOf(pieces, lines, prices);
  const reconciliation = reconcile({ gpus, pieces, lines, unobserved, total: totals.cost });
  return {
    window,
    generatedAtMs: nowMs,
    simulated: gpus.some(({ gpu }) => gpu.simulated) || lines.some((line) => line.simulated),
    nodes: [...new Set(gpus.map(({ gpu }) => gpu.node))],
    groupBy,
    currency: prices?.currency,
    priceList: prices?.name,
    gpus: gpus.map(reportGpu),
    lines,
    totals,
    coverage: totals.gpuMs > 0 ? totals.observedMs / totals.gpuMs : undefined,
    rates: appliedRates(pieces),
    overhead: prices && appliedOverhead(prices, pieces),
    energyUnpricedMj: sumOf(pieces, (p) => (p.prices?.kwhNanos === undefined ? p.energyMj : 0)),
    carbonUncoveredMj: prices && uncovered(prices, pieces),
    allocation: prices && allocationWords(prices, window),
    unobserved,
    gaps,
    reconciliation,
  };
}

/** Time to come is no unobserved time: the window ends now, or with the newest slice. */
async function pastPart({ ledger, window, nowMs }: BooksRequest): Promise<Window> {
  const { fromMs, toMs } = window;
  if (!Number.isSafeInteger(fromMs) || !Number.isSafeInteger(toMs) || fromMs >= toMs)
    throw new AssayError("report/window", "The window is empty, reversed or no whole time.");
  const extent = await ledger.extent();
  const past = { fromMs, toMs: Math.min(toMs, Math.max(nowMs, extent?.toMs ?? nowMs)) };
  if (windowLengthMs(past) > 0) return past;
  throw new AssayError(
    "report/window",
    `The window begins in the future: ${formatInstant(fromMs)}.`,
  );
}

interface PricingContext {
  gpus: readonly BilledGpu[];
  rates: Rates | undefined;
  prices: PriceList | undefined;
  facts: ReadonlyMap<string, OwnerFacts>;
}

/** Prices what there is of each piece; a piece that holds nothing is left out. */
function pricer({ gpus, rates, prices, facts }: PricingContext) {
  const known = new Map(
    gpus.map(({ gpu }) => {
      const pools = prices ? poolsOf(prices, gpu).map(({ name }) => name) : [];
      return [gpu.uuid, { gpu, pools }];
    }),
  );
  const unitPrices = unitPricesOnce(rates);
  const factsOf = (key: string): OwnerFacts | undefined => facts.get(key);
  return (pieces: readonly UsagePiece[]): PricedPiece[] => {
    const out: PricedPiece[] = [];
    for (const piece of pieces) {
      const gpu = known.get(piece.gpuUuid);
      if (gpu && (piece.timeMs > 0 || piece.energyMj > 0))
        out.push(priced(piece, gpu, unitPrices(piece), factsOf));
    }
    return out;
  };
}

/** A month has thousands of pieces of a device, and few instants at which its prices change. */
function unitPricesOnce(
  rates: Rates | undefined,
): (piece: Pick<UsagePiece, "gpuUuid" | "fromMs">) => UnitPrices | undefined {
  const known = new Map<string, Map<number, UnitPrices>>();
  return ({ gpuUuid, fromMs }) => {
    if (!rates) return undefined;
    const own = known.get(gpuUuid) ?? new Map<number, UnitPrices>();
    known.set(gpuUuid, own);
    const found = own.get(fromMs) ?? unitPricesAt(rates, gpuUuid, fromMs);
    own.set(fromMs, found);
    return found;
  };
}

function totalsOf(
  pieces: readonly PricedPiece[],
  lines: readonly ReportLine[],
  prices: PriceList | undefined,
): Report["totals"] {
  const carbon = lines.flatMap(({ carbonMilligrams }) => carbonMilligrams ?? []);
  return {
    ...amountsOf(pieces),
    observedMs: sumOf(pieces, (piece) => (piece.charge === "unobserved" ? 0 : piece.timeMs)),
    carbonMilligrams: carbon.length > 0 ? sumOf(carbon, (each) => each) : undefined,
    cost: prices && totalCost(pieces, lines, costOptions(prices)),
  };
}

function uncovered({ carbon }: PriceList, pieces: readonly PricedPiece[]): number | undefined {
  if (carbon.length === 0) return undefined;
  return sumOf(pieces, (piece) => (piece.carbon === undefined ? piece.energyMj : 0));
}

function reportGpu({ gpu, fromMs, toMs }: BilledGpu): Report["gpus"][number] {
  const { uuid, model, node, index, simulated } = gpu;
  return { uuid, model, node, index, simulated, fromMs, toMs };
}
