import type { Window } from "../../model/window.ts";
import type { Amounts, Report, ReportGpu } from "../report-types.ts";
import type { State } from "./states.ts";

/** GPU time, energy and money of one thing: the parts of a breakdown sum to the report's totals. */
export interface Row extends Amounts {
  key: string;
  /** GPU-milliseconds by state; what is absent is none. */
  states: ReadonlyMap<State, number>;
  /** How many rows it stands for: more than one where the small ones are summed. */
  count: number;
}

export interface StateRow extends Row {
  state: State;
}

export interface TimeRow extends Row, Window {}

/** One device in one step of time. */
export interface HeatCell extends Window {
  state: State;
  /** Part of the cell in which the device was used, 0..1. */
  use: number;
  /** Part of the cell in the cell's own state, 0..1. */
  part: number;
  /** Some of it was mining-like, though the cell goes by another state. */
  alsoMining: boolean;
}

export interface HeatRow {
  gpu: ReportGpu;
  total: Row;
  cells: readonly HeatCell[];
}

/** How sure the labels of one state were. */
export interface ConfidenceRow {
  state: State;
  gpuMs: number;
  /** Time-weighted mean, 0..1. */
  mean: number;
  /** GPU-milliseconds by tenth of confidence: means over one device, owner and step of time. */
  tenths: readonly number[];
}

/** What the whole is taken apart by: the parts of each sum to the totals. */
export const BREAKDOWNS = ["owner", "state", "model", "gpu", "time"] as const;
export type Breakdown = (typeof BREAKDOWNS)[number];

export interface PageData {
  /** Totals, window, gaps, prices, reconciliation: of the same read as everything else. */
  report: Report;
  /** What may not be known to all: the head of the ledger's chain, the program's version. */
  madeBy: string;
  chainHead?: string | undefined;
  owners: readonly Row[];
  states: readonly StateRow[];
  models: readonly Row[];
  gpus: readonly Row[];
  times: readonly TimeRow[];
  heat: { rows: readonly HeatRow[]; stepMs: number; gpuCount: number };
  confidence: readonly ConfidenceRow[];
  /** Sums of each breakdown over all its rows, each equal to the totals. */
  sums: Readonly<Record<Breakdown, Sums>>;
}

export interface Sums {
  gpuMs: number;
  energyMj: number;
  nanos: bigint | undefined;
}
