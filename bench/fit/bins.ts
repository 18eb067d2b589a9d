/** Where a feature's values are cut: at the edges that physics names, and finer where data is. */
import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import type { Feature } from "../../src/model/signature.ts";
import { column, type Measured, type WeighedRow } from "./rows.ts";

type BaseFeature = EvidenceModel["features"][number];
export type BinWeights = BaseFeature["bins"][number]["weights"];

export interface Bin {
  /** The bin holds values below this and at or above the previous bin's; the last bin has none. */
  below?: number | undefined;
  /** Where the weights start from, and stay without data: physics, or nothing. */
  prior: BinWeights;
  /** What physics says of it; absent for a feature that the base model does not weigh. */
  physics?: string | undefined;
}

export interface BinnedFeature {
  feature: Feature;
  says: string;
  unless?: BaseFeature["unless"];
  bins: readonly Bin[];
  /** What it was in the rows that measured it, smallest value first; none for a feature that stays what it was. */
  measured: readonly Measured[];
}

/** Quantiles that may become edges. */
const QUANTILES = [1, 2, 3, 4, 5].map((sixth) => sixth / 6);
/** Of the weight of all rows that measured the feature: finer bins than this fit single families. */
const MIN_BIN_WEIGHT = 0.08;
/** A bin of one family would learn the family and not the kind of work. */
const MIN_BIN_FAMILIES = 2;
const EDGE_DIGITS = 3;
/** What a double holds for certain. */
const MAX_DIGITS = 15;

/**
 * The features of the base model with their edges kept and perhaps more of them, in its order, then
 * those that it does not weigh and the rows can tell something about.
 */
export function binned(
  rows: readonly WeighedRow[],
  base: EvidenceModel,
  features: readonly Feature[],
): BinnedFeature[] {
  const known = base.features.map((entry) => refine(entry, measuredWell(rows, entry)));
  const names = new Set(base.features.map(({ feature }) => feature));
  const others = features
    .filter((feature) => !names.has(feature))
    .map((feature) => {
      const open = { feature, says: inWords(feature), bins: [{ weights: {}, reason: "" }] };
      return refine(open, measuredWell(rows, open));
    })
    .filter(({ bins }) => bins.length > 1);
  return [...known, ...others];
}

/** Nothing where fewer than two labels and two families have it: that would tell devices apart, not work. */
function measuredWell(
  rows: readonly WeighedRow[],
  { feature, unless }: Pick<BaseFeature, "feature" | "unless">,
): Measured[] {
  const found = column(rows, feature, unless);
  const families = new Set(found.map(({ row }) => row.family));
  const labels = new Set(found.map(({ row }) => row.label));
  return families.size >= 2 && labels.size >= 2 ? found : [];
}

function refine(
  { feature, says, unless, bins }: BaseFeature,
  measured: readonly Measured[],
): BinnedFeature {
  const refined: Bin[] = [];
  const quantiles = candidates(measured);
  let from = -Infinity;
  for (const { below, weights, reason } of bins) {
    const to = below ?? Infinity;
    const told = { prior: weights, physics: reason === "" ? undefined : reason };
    for (const edge of edgesWithin(measured, quantiles, from, to))
      refined.push({ below: edge, ...told });
    refined.push(below === undefined ? told : { below, ...told });
    from = to;
  }
  return { feature, says, unless, bins: refined, measured };
}

/** Quantiles of the whole column that leave enough on both sides, rising. */
function edgesWithin(
  measured: readonly Measured[],
  quantiles: readonly number[],
  from: number,
  to: number,
): number[] {
  const whole = weightOf(measured);
  const inside = measured.filter(({ value }) => value >= from && value < to);
  const edges: number[] = [];
  for (const candidate of quantiles) {
    const last = edges.at(-1) ?? from;
    if (candidate <= last || candidate >= to) continue;
    const left = inside.filter(({ value }) => value >= last && value < candidate);
    const right = inside.filter(({ value }) => value >= candidate);
    if (isEnough(left, whole) && isEnough(right, whole)) edges.push(candidate);
  }
  return edges;
}

function candidates(measured: readonly Measured[]): number[] {
  return QUANTILES.flatMap((share) => {
    const value = weightedQuantile(measured, share);
    const above = measured.find((row) => value !== undefined && row.value > value)?.value;
    return value === undefined || above === undefined ? [] : [between(value, above)];
  });
}

/** The middle with as few digits as still part the two values. */
function between(value: number, above: number): number {
  for (let digits = EDGE_DIGITS; digits < MAX_DIGITS; digits += 1) {
    const middle = Number(((value + above) / 2).toPrecision(digits));
    if (middle > value && middle <= above) return middle;
  }
  return above;
}

function isEnough(inside: readonly Measured[], whole: number): boolean {
  const families = new Set(inside.map(({ row }) => row.family));
  return families.size >= MIN_BIN_FAMILIES && weightOf(inside) >= MIN_BIN_WEIGHT * whole;
}

const weightOf = (rows: readonly { weight: number }[]): number =>
  rows.reduce((sum, { weight }) => sum + weight, 0);

/** The smallest value that at least `share` of the weight lies at or below; undefined of nothing. */
export function weightedQuantile(
  sorted: readonly { value: number; weight: number }[],
  share: number,
): number | undefined {
  const goal = share * weightOf(sorted);
  let sum = 0;
  for (const { value, weight } of sorted) {
    sum += weight;
    if (sum >= goal) return value;
  }
  return sorted.at(-1)?.value;
}

/** The bin of a value, as the evidence model looks it up. */
export function binIndex(bins: readonly Pick<Bin, "below">[], value: number): number {
  return bins.findIndex(({ below }) => below === undefined || value < below);
}

/** `launchVariety` → `launch variety`. */
const inWords = (feature: Feature): string =>
  feature.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
