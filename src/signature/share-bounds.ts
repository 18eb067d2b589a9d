import type { Feature } from "../model/signature.ts";

/** Edges of the bins in which somebody will read a feature, ascending; a bin holds what is below. */
export type BinEdges = { readonly [K in Feature]?: readonly number[] | undefined };

/** What is known of a quantity that was not measured itself. */
export interface Bounds {
  lower: number;
  upper: number;
}

/** A wider interval says too little to name one value in it. */
const MAX_WIDTH = 0.1;

/**
 * The middle of an interval that is narrow and lies within one bin: then it does not matter where in
 * it the truth is. Undefined otherwise: half a guess is none.
 */
export function decided(
  { lower, upper }: Bounds,
  edges: readonly number[] = [],
): number | undefined {
  if (!(upper - lower < MAX_WIDTH)) return undefined;
  if (edges.some((edge) => lower < edge && edge <= upper)) return undefined;
  return (lower + upper) / 2;
}
