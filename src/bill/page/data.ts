import type { LedgerReader } from "../../ledger/contract.ts";
import { holderOf, parseOwnerKey } from "../../model/owner.ts";
import type { Window } from "../../model/window.ts";
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

export interface PageRequest {
  ledger: LedgerReader;
  prices: PriceList | undefined;
  /** Half-open, UTC, whole milliseconds. */
  window: Window;
  nowMs: number;
  /** Program and version. */
  madeBy: string;
  chainHead?: string | undefined;
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
  const cuts = (window: Window, gpus: readonly unknown[]): number[] =>
    [barStepMs(window), cellStepMs(window, shownRows(gpus.length))].flatMap((stepMs) =>
      stepsOf(window, stepMs).map((step) => step.fromMs),
    );
  const { madeBy, chainHead } = request;
  return withBooks({ ...request, cuts }, (books) => pageDataOf(books, madeBy, chainHead));
}

function pageDataOf(books: Books, madeBy: string, chainHead: string | undefined): PageData {
  const report = reportOf(books, ["owner"]);
  const pieces = books.pieces.map(stated);
  const rows = (keyOf: (piece: StatedPiece) => string): Row[] =>
    rowsBy(pieces, keyOf, books.prices !== undefined).sort(bySize);
  const states = rows((piece) => piece.state);
  const all = {
    owner: rows(billedOwner),
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
    owners: topRows(all.owner, MOST_OWNERS, OTHERS),
    states: all.state,
    models: topRows(all.model, MOST_MODELS, OTHERS),
    gpus: topRows(all.gpu, MOST_GPUS, OTHERS),
    times: all.time,
    heat: heatOf(report, pieces, all.gpu),
    confidence: confidenceRows(pieces),
    sums: checkedSums(all, report),
  };
}

/** Time that an owner left a device idle while holding it is part of what they are charged. */
function billedOwner({ ownerKey }: StatedPiece): string {
  const owner = parseOwnerKey(ownerKey);
  return (owner && holderOf(owner)) ?? ownerKey;
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
