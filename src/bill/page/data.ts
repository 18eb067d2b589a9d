import type { LedgerReader } from "../../ledger/contract.ts";
import { parseOwnerKey } from "../../model/owner.ts";
import type { Window } from "../../model/window.ts";
import { costOptions } from "../line-costs.ts";
import type { PriceList } from "../price-types.ts";
import { type Books, reportOf, withBooks } from "../report.ts";
import type { Report } from "../report-types.ts";
import { unreconciled } from "../unreconciled.ts";
import { confidenceRows } from "./confidence.ts";
import { heatCells } from "./heat.ts";
import {
  OTHERS,
  type StatedPiece,
  bySize,
  rowsBy,
  stated,
  sumRows,
  sumsOf,
  topRows,
} from "./rows.ts";
import { STATES } from "./states.ts";
import { barStepMs, cellStepMs, stepsOf } from "./steps.ts";
import {
  BREAKDOWNS,
  type Breakdown,
  type HeatRow,
  type PageData,
  type Row,
  type Sums,
  type TimeRow,
} from "./types.ts";

/** Who made a page, and on what it rests. */
export interface PageMaker {
  /** Program and version. */
  madeBy: string;
  /** The newest entry of the ledger's chain: it stands for all records up to it. */
  chainHead?: string | undefined;
}

export interface PageRequest extends PageMaker {
  ledger: LedgerReader;
  prices: PriceList | undefined;
  /** Half-open, UTC, whole milliseconds. */
  window: Window;
  nowMs: number;
}

/** Rows of a table that are written out; the others are summed in its last one. */
const MOST_OWNERS = 100;
const MOST_MODELS = 30;
export const MOST_GPUS = 64;

/**
 * Everything the page shows, from one read of the ledger: all its parts speak of the same moment.
 * @throws AssayError as `buildReport`
 */
export async function readPageData(request: PageRequest): Promise<PageData> {
  return withBooks({ ...request, cuts: pageCuts }, (books) => pageDataOf(books, request));
}

/** Where the page wants the pieces cut: its charts' steps of time. */
export function pageCuts(window: Window, gpus: readonly unknown[]): number[] {
  return [barStepMs(window), cellStepMs(window, shownRows(gpus.length))].flatMap((stepMs) =>
    stepsOf(window, stepMs).map((step) => step.fromMs),
  );
}

/**
 * What the page shows, of books that were cut at {@link pageCuts}.
 * @throws AssayError report/unreconciled
 */
export function pageDataOf(books: Books, { madeBy, chainHead }: PageMaker): PageData {
  const report = reportOf(books, ["owner"]);
  const pieces = books.pieces.map(stated);
  const costs = books.prices && costOptions(books.prices);
  const rows = (keyOf: (piece: StatedPiece) => string): Row[] =>
    rowsBy(pieces, keyOf, costs).sort(bySize);
  const states = rows((piece) => piece.state);
  const all = {
    owner: rows((piece) => piece.bearerKey),
    state: STATES.flatMap((state) =>
      states.filter(({ key }) => key === state).map((row) => ({ ...row, state })),
    ),
    model: rows((piece) => piece.gpu.model),
    gpu: rows((piece) => piece.gpuUuid),
    time: timeRows(books.window, rows),
  };
  return {
    report,
    madeBy,
    chainHead,
    owners: ownerRows(all.owner),
    states: all.state,
    models: topRows(all.model, MOST_MODELS, OTHERS),
    gpus: topRows(all.gpu, MOST_GPUS, OTHERS),
    times: all.time,
    heat: heatOf(report, pieces, all.gpu),
    confidence: confidenceRows(pieces),
    sums: checkedSums(all, report),
  };
}

/** Owners first; then what is nobody's, however many owners there are. */
function ownerRows(rows: readonly Row[]): Row[] {
  const isNobodys = ({ key }: Row): boolean => parseOwnerKey(key)?.id === "";
  const owners = rows.filter((row) => !isNobodys(row));
  return [...topRows(owners, MOST_OWNERS, OTHERS), ...rows.filter(isNobodys)];
}

function timeRows(
  window: Window,
  rows: (keyOf: (piece: StatedPiece) => string) => Row[],
): TimeRow[] {
  const steps = stepsOf(window, barStepMs(window));
  const found = new Map(
    rows((piece) => String(steps.findLastIndex((step) => step.fromMs <= piece.fromMs))).map(
      (row) => [row.key, row],
    ),
  );
  return steps.map((step, i) => ({
    ...(found.get(String(i)) ?? sumRows([])),
    ...step,
    key: String(i),
  }));
}

function heatOf(report: Report, pieces: readonly StatedPiece[], gpuRows: readonly Row[]) {
  const shown = report.gpus.slice(0, MOST_GPUS);
  const stepMs = cellStepMs(report.window, shownRows(report.gpus.length));
  const cells = heatCells(pieces, shown, stepsOf(report.window, stepMs));
  const totals = new Map(gpuRows.map((row) => [row.key, row]));
  const rows: HeatRow[] = shown.map((gpu) => ({
    gpu,
    total: totals.get(gpu.uuid) ?? sumRows([]),
    cells: cells.get(gpu.uuid) ?? [],
  }));
  return { rows, stepMs, gpuCount: report.gpus.length };
}

function shownRows(gpuCount: number): number {
  return Math.min(gpuCount, MOST_GPUS);
}

/**
 * The sums of all rows of each breakdown.
 * @throws AssayError report/unreconciled where one differs from the totals by a unit
 */
function checkedSums(
  all: Readonly<Record<Breakdown, readonly Row[]>>,
  { totals }: Report,
): Record<Breakdown, Sums> {
  for (const name of BREAKDOWNS) {
    const { gpuMs, energyMj, nanos } = sumsOf(all[name]);
    const differs =
      gpuMs !== totals.gpuMs ||
      energyMj !== totals.energyMj ||
      (nanos ?? 0n) !== (totals.cost?.totalNanos ?? 0n);
    if (differs) throw unreconciled("A breakdown differs from the totals.", `by ${name}`);
  }
  const of = (name: Breakdown): Sums => sumsOf(all[name]);
  return {
    owner: of("owner"),
    state: of("state"),
    model: of("model"),
    gpu: of("gpu"),
    time: of("time"),
  };
}
