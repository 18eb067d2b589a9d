import type { GapRecord } from "../ledger/contract.ts";
import type { Window } from "../model/window.ts";
import type { UnobservedStretch } from "./stretches.ts";

export const GROUP_KEYS = [
  "owner",
  "ownerKind",
  "user",
  "team",
  "cost-centre",
  "label",
  "gpu",
  "model",
  "node",
  "pool",
  "commitment",
  "day",
  "hour",
] as const;

export type GroupKey = (typeof GROUP_KEYS)[number];

/**
 * What a line is charged for. `used` is time an owner (or the agent, or nobody visible) had; `held` is
 * time a device did nothing while an owner held it; `idle` is time nobody had; `unobserved` is time
 * nobody measured. Never mixed in one line.
 */
export const CHARGES = ["used", "held", "idle", "unobserved"] as const;
export type Charge = (typeof CHARGES)[number];

/** What the allocation policy makes of a line: who bears the time that nobody had, and overhead. */
export interface Allocated {
  /** The line's part of time nobody used, nobody measured or nobody owns. */
  sharedNanos: bigint;
  /** Its part of what is charged beside time and energy. */
  overheadNanos: bigint;
  /** What of its own cost other lines bear. */
  givenNanos: bigint;
  /** Own cost + shared + overhead - given. Over all lines it sums to the cost and all overhead. */
  totalNanos: bigint;
}

/** In billionths of the currency. The two parts sum to `totalNanos`. */
export interface LineCost {
  timeNanos: bigint;
  energyNanos: bigint;
  totalNanos: bigint;
  /** What it would cost at list prices; absent where the price list knows no other than its own. */
  listNanos?: bigint | undefined;
  /** What is invoiced for it: `totalNanos` less the part of what was paid in advance. As `listNanos`. */
  contractedNanos?: bigint | undefined;
  /** Absent where no policy distributes anything. */
  allocated?: Allocated | undefined;
}

export interface Amounts {
  /** GPU-milliseconds. */
  gpuMs: number;
  energyMj: number;
  /** GPU-milliseconds whose energy was not measured: it is missing from `energyMj`, not zero. */
  energyUnmeasuredMs: number;
  /** Of `energyMj`: what the devices draw anyway, and what work added. */
  idleEnergyMj: number;
  dynamicEnergyMj: number;
  /** GPU-milliseconds whose energy was measured and could not be split into the two. */
  energyUnsplitMs: number;
  /** Confidence times time, summed: over `gpuMs` it is the mean confidence of the labels. */
  confidenceMs?: number | undefined;
  /** CO2 equivalent of the measured energy; absent without a carbon factor. */
  carbonMilligrams?: number | undefined;
  /** Absent without a price list. */
  cost?: LineCost | undefined;
}

/** The energy of an amount; undefined where none of it was measured. */
export function measuredEnergyMj(of: Amounts): number | undefined {
  return of.gpuMs > 0 && of.energyUnmeasuredMs === of.gpuMs ? undefined : of.energyMj;
}

/** The two parts of an amount's energy; undefined where none of it could be split. */
export function splitEnergyMj(of: Amounts): { idleMj: number; dynamicMj: number } | undefined {
  const { gpuMs, energyUnmeasuredMs, energyUnsplitMs } = of;
  if (gpuMs > 0 && energyUnmeasuredMs + energyUnsplitMs === gpuMs) return undefined;
  return { idleMj: of.idleEnergyMj, dynamicMj: of.dynamicEnergyMj };
}

export interface ReportLine extends Amounts {
  /** Stable and unique in the report: the group's values and the charge. */
  key: string;
  charge: Charge;
  /** One value for each key of `groupBy`; `unobserved` is the label of unobserved time. */
  group: Readonly<Partial<Record<GroupKey, string>>>;
  simulated: boolean;
}

export interface ReportGpu extends Window {
  uuid: string;
  model: string;
  node: string;
  index: number;
  simulated: boolean;
}

/** A price that was used, and how much it was used for. */
export interface AppliedRate extends Window {
  what: "gpu-hour" | "kWh";
  /** The GPU model; absent for energy. */
  model?: string | undefined;
  nanos: bigint;
  /** Of a GPU-hour; absent where it is `nanos`. */
  listNanos?: bigint | undefined;
  /** The commitment whose price this is. */
  commitment?: string | undefined;
  /** The hours and days that it holds at, and where: `22:00-06:00 mon-fri Europe/Berlin`. */
  tariff?: string | undefined;
  /** The exchange rate it was converted by: `1 EUR = 1.10 USD`. */
  converted?: string | undefined;
  gpuMs: number;
  energyMj: number;
}

/** What was charged beside time and energy, for as long as it held: a price, or a PUE. */
export interface AppliedOverhead extends Window {
  name: string;
  gpuHourNanos?: bigint | undefined;
  /** Facility energy over device energy, in billionths. */
  pueNanos?: bigint | undefined;
  converted?: string | undefined;
  gpuMs: number;
  energyMj: number;
}

/** The window held against the lines, in numbers. */
export interface Reconciliation {
  /** Each device's part of the window, summed. */
  windowGpuMs: number;
  /** What slices say was observed. */
  observedMs: number;
  /** What slices say was not observed. */
  recordedUnobservedMs: number;
  /** What no slice speaks of. */
  unrecordedMs: number;
  /** Sum of the lines. */
  linesGpuMs: number;
  /** Sum of the stretches in `unobserved`, found another way than the lines. */
  stretchesMs: number;
  linesEnergyMj: number;
  sourceEnergyMj: number;
  linesNanos?: bigint | undefined;
  totalNanos?: bigint | undefined;
  /** All that lines bear, and cost and overhead of the window; absent where nothing is allocated. */
  linesAllocatedNanos?: bigint | undefined;
  allocatedNanos?: bigint | undefined;
  equation: string;
  ok: true;
}

export interface Report {
  /** Half-open, UTC; cut at the newest moment there can be data of. */
  window: Window;
  generatedAtMs: number;
  simulated: boolean;
  nodes: readonly string[];
  groupBy: readonly GroupKey[];
  /** Absent without a price list: then there are hours and energy, and no costs. */
  currency?: string | undefined;
  priceList?: string | undefined;
  gpus: readonly ReportGpu[];
  lines: readonly ReportLine[];
  totals: Amounts & { observedMs: number };
  /** Observed share of the GPU time, 0..1; absent where there is no GPU time. */
  coverage?: number | undefined;
  rates: readonly AppliedRate[];
  /** Absent where the price list has no overhead for any of the window. */
  overhead?: readonly AppliedOverhead[] | undefined;
  /** Measured energy that no price of energy covers. */
  energyUnpricedMj: number;
  /** Measured energy that no carbon factor covers; absent where the price list has no factor. */
  carbonUncoveredMj?: number | undefined;
  /** The allocation policy, in sentences; absent where the price list has none, and no overhead. */
  allocation?: readonly string[] | undefined;
  /** Where the unobserved time lies, device by device. */
  unobserved: readonly UnobservedStretch[];
  /** The ledger's own records of gaps that touch the window. */
  gaps: readonly GapRecord[];
  reconciliation: Reconciliation;
}
