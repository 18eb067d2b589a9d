import { type Window, windowLengthMs } from "../../model/window.ts";
import { formatInstant } from "../instant.ts";
import { groupedBy } from "../group.ts";
import { type PricedPiece, settledCosts, sumOf } from "../lines.ts";
import type { LineCost } from "../report-types.ts";
import { type AggregateKey, allocationName } from "./aggregate.ts";
import { stepsOf } from "./steps.ts";

/** An allocation as OpenCost answers it. Amounts of money are numbers there, to the billionth here. */
export interface Allocation {
  name: string;
  properties: Record<string, string>;
  window: { start: string; end: string };
  start: string;
  end: string;
  minutes: number;
  /** Held and used: what an owner keeps from others costs the same. */
  gpuHours: number;
  gpuCost?: number | undefined;
  /** The part of `gpuCost` for time in which the device did nothing. */
  gpuCostIdle?: number | undefined;
  /** Used time over used and held time; absent where nobody had any. */
  gpuUsageAverage?: number | undefined;
  /** Of energy; OpenCost has no name for it. */
  energyCost?: number | undefined;
  energyKwh?: number | undefined;
  sharedCost?: number | undefined;
  totalCost?: number | undefined;
}

/** What OpenCost's API answers: a set of allocations by name for each step. */
export interface AllocationAnswer {
  code: 200;
  status: "success";
  data: Record<string, Allocation>[];
}

/** What allocations are made of. */
export interface AllocationSource {
  /** The part of the window there can be data of. */
  window: Window;
  /** Cut at the steps' bounds. */
  pieces: readonly PricedPiece[];
  stepMs: number;
  keys: readonly AggregateKey[];
  /** Without a price list there are hours, and no costs. */
  isPriced: boolean;
}

/** Usage as allocations, one set a step. The costs of all sets sum to the cost of the whole. */
export function allocations(source: AllocationSource): AllocationAnswer {
  const { window, pieces, stepMs, keys, isPriced } = source;
  const indexOf = (piece: PricedPiece): number =>
    Math.floor((piece.fromMs - window.fromMs) / stepMs);
  const groups = groupedBy(pieces, (piece) =>
    JSON.stringify([indexOf(piece), allocationName(piece, keys)]),
  );
  const costs = isPriced ? settledCosts(groups) : undefined;
  const steps = stepsOf(window, stepMs);
  const sets = steps.map(() => new Map<string, Allocation>());
  for (const [key, own] of groups) {
    const [first] = own;
    const at = first ? indexOf(first) : -1;
    const step = steps[at];
    if (!first || !step) continue;
    const name = allocationName(first, keys);
    sets[at]?.set(name, allocationOf(name, own, step, costs?.get(key)));
  }
  // From entries: a name such as __proto__ is a key like any other.
  return { code: 200, status: "success", data: sets.map((set) => Object.fromEntries(set)) };
}

const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;
const MJ_PER_KWH = 3_600_000_000;

function allocationOf(
  name: string,
  pieces: readonly PricedPiece[],
  step: Window,
  cost: LineCost | undefined,
): Allocation {
  const span = { start: formatInstant(step.fromMs), end: formatInstant(step.toMs) };
  const usedMs = timeOf(pieces, "used");
  const heldMs = timeOf(pieces, "held");
  const isMeasured = pieces.some((piece) => piece.timeMs > piece.energyUnmeasuredMs);
  return {
    name,
    properties: propertiesOf(pieces),
    window: span,
    ...span,
    minutes: windowLengthMs(step) / MS_PER_MINUTE,
    gpuHours: sumOf(pieces, (piece) => piece.timeMs) / MS_PER_HOUR,
    gpuCost: cost && units(cost.timeNanos),
    gpuCostIdle: cost && units(idleNanos(pieces, cost)),
    gpuUsageAverage: usedMs + heldMs === 0 ? undefined : usedMs / (usedMs + heldMs),
    energyCost: cost && units(cost.energyNanos),
    energyKwh: isMeasured ? sumOf(pieces, (piece) => piece.energyMj) / MJ_PER_KWH : undefined,
    sharedCost: cost && 0,
    totalCost: cost && units(cost.totalNanos),
  };
}

function timeOf(pieces: readonly PricedPiece[], charge: PricedPiece["charge"]): number {
  return sumOf(pieces, (piece) => (piece.charge === charge ? piece.timeMs : 0));
}

/** The share of a cost that is of time in which nothing ran: held or nobody's. */
function idleNanos(pieces: readonly PricedPiece[], cost: LineCost): bigint {
  const exact = (of: readonly PricedPiece[]): bigint =>
    of.reduce((sum, piece) => sum + piece.timeCost, 0n);
  const whole = exact(pieces);
  const idle = exact(pieces.filter(({ charge }) => charge === "held" || charge === "idle"));
  return whole === 0n ? 0n : (cost.timeNanos * idle) / whole;
}

/** Billionths as a number of units: JSON numbers are what clients of OpenCost read. */
function units(nanos: bigint): number {
  return Number(nanos) / 1e9;
}

const PROPERTIES = {
  cluster: "cluster",
  namespace: "namespace",
  pod: "pod",
  container: "podContainer",
} as const;

/** What all of an allocation's pieces agree on. */
function propertiesOf(pieces: readonly PricedPiece[]): Record<string, string> {
  const out: Record<string, string> = {};
  const add = (name: string, valueOf: (piece: PricedPiece) => string | undefined): void => {
    const values = new Set(pieces.map(valueOf));
    const [only] = values;
    if (values.size === 1 && only !== undefined) out[name] = only;
  };
  add("node", ({ gpu }) => gpu.node);
  add("providerID", ({ gpuUuid }) => gpuUuid);
  add("gpuModel", ({ gpu }) => gpu.model);
  for (const [name, fact] of Object.entries(PROPERTIES)) add(name, ({ facts }) => facts?.[fact]);
  return out;
}
