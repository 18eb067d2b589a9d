/** Between which values a fitted model may claim to know a feature. */
import { weightedQuantile } from "./bins.ts";
import type { Measured } from "./rows.ts";

const [LOW, HIGH] = [0.01, 0.99];
/** Another device or batch size moves a feature a little: the range is widened by this part of it... */
const MARGIN = 0.1;
/** ...and by this part of its highest value, so that a constant has a width. */
const RELATIVE_MARGIN = 0.05;
const LEAST_MARGIN = 0.001;

export function seenRange(measured: readonly Measured[]): { from: number; to: number } | undefined {
  const [from, to] = [weightedQuantile(measured, LOW), weightedQuantile(measured, HIGH)];
  if (from === undefined || to === undefined) return undefined;
  const highest = Math.max(Math.abs(from), Math.abs(to));
  const margin = Math.max(MARGIN * (to - from), RELATIVE_MARGIN * highest, LEAST_MARGIN);
  return { from: rounded(from - margin), to: rounded(to + margin) };
}

const rounded = (value: number): number => Number(value.toPrecision(4));
