/** Windows as a fit sees them: features, one true label, one family. No names of programs, no times. */
import { group } from "d3-array";
import { isBusy, type WindowTimes } from "../../src/classify/window-verdict.ts";
import { DECIDABLE_LABELS, type DecidableLabel } from "../../src/model/label.ts";
import { type Feature, FEATURES } from "../../src/model/signature.ts";
import type { WindowResult } from "../../src/pipeline/events.ts";
import type { LabelledWindow } from "../labelled.ts";

/** A window at a change of work is a picture of neither: so much of its truth must be one label. */
const PURE_SHARE = 0.8;
/** Of a window whose truth is mostly missing it is not known what it was. */
const MIN_TRUTH_SHARE = 0.5;

/** Equal windows of one family, counted: copies are no new evidence, and a count is exact. */
export interface Row {
  family: string;
  label: DecidableLabel;
  windows: number;
  /** In the order of `FEATURES`; not measured is undefined. */
  values: readonly (number | undefined)[];
}

export interface WeighedRow extends Row {
  /** Its part of the whole, 1 in all: labels weigh the same, families within a label, windows within a family. */
  weight: number;
}

/** Milliseconds of a window by who had the device. */
export function timesOfWindow({ slices }: Pick<WindowResult, "slices">): WindowTimes {
  const times = { busyMs: 0, idleMs: 0, agentMs: 0 };
  for (const { owner, timeMs } of slices)
    if (isBusy({ owner })) times.busyMs += timeMs;
    else if (owner.kind === "idle") times.idleMs += timeMs;
    else if (owner.kind === "agent") times.agentMs += timeMs;
  return times;
}

/** What a window is fitted as; undefined for rest, mixtures, changes of work and half-known windows. */
export function fitLabel(
  { result, truthSeconds }: LabelledWindow,
  windowIdleBelowShare: number,
): DecidableLabel | undefined {
  const { busyMs, idleMs, agentMs } = timesOfWindow(result);
  const observedMs = busyMs + idleMs;
  if (observedMs === 0 || agentMs > observedMs) return undefined;
  if (busyMs / observedMs < windowIdleBelowShare) return undefined;
  const [longest, ...others] = entries(truthSeconds).sort((a, b) => b.seconds - a.seconds);
  if (!longest) return undefined;
  const whole = others.reduce((sum, { seconds }) => sum + seconds, longest.seconds);
  const windowSeconds = (result.window.toMs - result.window.fromMs) / 1000;
  if (longest.seconds < PURE_SHARE * whole || whole < MIN_TRUTH_SHARE * windowSeconds)
    return undefined;
  return DECIDABLE_LABELS.find((label) => label === longest.label);
}

/** The windows that can be fitted, equal ones of a family as one, in an order that input order cannot change. */
export function rowsOf(windows: readonly LabelledWindow[], windowIdleBelowShare: number): Row[] {
  const byContent = new Map<string, Row>();
  for (const window of windows) {
    const label = fitLabel(window, windowIdleBelowShare);
    if (label === undefined) continue;
    const values = FEATURES.map((feature) => finite(window.result.signature.features[feature]));
    const key = JSON.stringify([window.family, label, values]);
    const row = byContent.get(key);
    if (row) row.windows += 1;
    else byContent.set(key, { family: window.family, label, windows: 1, values });
  }
  return [...byContent].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Balances rows so that neither a long recording nor eight devices in step decide. */
export function weighed(rows: readonly Row[]): WeighedRow[] {
  const windows = new Map<string, number>();
  const families = new Map<DecidableLabel, Set<string>>();
  for (const { family, label, windows: count } of rows) {
    const key = `${label} ${family}`;
    windows.set(key, (windows.get(key) ?? 0) + count);
    families.set(label, (families.get(label) ?? new Set()).add(family));
  }
  return rows.map((row) => {
    const ofFamily = row.windows / (windows.get(`${row.label} ${row.family}`) ?? 1);
    const ofLabel = families.get(row.label)?.size ?? 1;
    return { ...row, weight: ofFamily / ofLabel / families.size };
  });
}

/** Families of each label, sorted; labels without any are not named. */
export function familiesOf(
  rows: readonly Pick<Row, "family" | "label">[],
): Map<DecidableLabel, string[]> {
  const found = new Map<DecidableLabel, string[]>();
  for (const label of DECIDABLE_LABELS) {
    const names = new Set(rows.filter((row) => row.label === label).map(({ family }) => family));
    if (names.size > 0) found.set(label, [...names].sort());
  }
  return found;
}

/** What one feature was in a row. */
export interface Measured {
  row: WeighedRow;
  value: number;
  weight: number;
}

/** Features that tell the same better: where one of them was measured, a feature is not weighed. */
type Unless = readonly Feature[] | undefined;

/** What a feature was in a row, where the model would weigh it. */
export function weighedValue(row: Row, feature: Feature, unless: Unless): number | undefined {
  const isTold = unless?.some((better) => row.values[FEATURES.indexOf(better)] !== undefined);
  return isTold ? undefined : row.values[FEATURES.indexOf(feature)];
}

/** What one feature was in the rows in which it was measured and is weighed, smallest first. */
export function column(rows: readonly WeighedRow[], feature: Feature, unless?: Unless): Measured[] {
  const found: Measured[] = [];
  for (const row of rows) {
    const value = weighedValue(row, feature, unless);
    if (value !== undefined) found.push({ row, value, weight: row.weight });
  }
  return found.sort((a, b) => a.value - b.value);
}

/**
 * At most so many rows of each family and label, evenly spread over the order of `rowsOf`: more
 * windows of one piece of work tell little more, and the search for a strength fits many times.
 */
export function thinned(rows: readonly Row[], most: number): WeighedRow[] {
  const groups = group(rows, ({ family, label }) => JSON.stringify([family, label]));
  const kept = new Set<Row>();
  for (const alike of groups.values()) {
    const count = Math.min(most, alike.length);
    for (let i = 0; i < count; i += 1) {
      const row = alike[Math.floor((i * alike.length) / count)];
      if (row) kept.add(row);
    }
  }
  return weighed(rows.filter((row) => kept.has(row)));
}

function entries(
  truthSeconds: LabelledWindow["truthSeconds"],
): { label: string; seconds: number }[] {
  return Object.entries(truthSeconds).map(([label, seconds]) => ({ label, seconds }));
}

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) ? value : undefined;
