import { mean, spread } from "../../../src/signature/statistics.ts";
import type { Examples } from "./tree.ts";

/** Shares of the classes among the nearest examples, each column on a scale of its own spread. */
export function nearestNeighbours(
  { rows, classes, classCount }: Examples,
  count: number,
): (row: readonly number[]) => number[] {
  const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? 0));
  const scales = columns.map((values) => ({ centre: mean(values) ?? 0, by: spread(values) || 1 }));
  const scaled = (row: readonly number[]): Float64Array =>
    Float64Array.from(scales, ({ centre, by }, i) => ((row[i] ?? 0) - centre) / by);
  const known = rows.map(scaled);
  return (row) => {
    const near = nearest(known, scaled(row), count);
    const shares = Array.from({ length: classCount }, () => 0);
    for (const i of near) {
      const own = classes[i] ?? 0;
      shares[own] = (shares[own] ?? 0) + 1 / near.length;
    }
    return shares;
  };
}

/** Indexes of the nearest, ties in the order they were given in. */
function nearest(known: readonly Float64Array[], at: Float64Array, count: number): number[] {
  const near: { i: number; distance: number }[] = [];
  known.forEach((each, i) => {
    const distance = distanceOf(each, at);
    if (near.length === count && distance >= (near.at(-1)?.distance ?? Infinity)) return;
    const place = near.findIndex((other) => distance < other.distance);
    near.splice(place < 0 ? near.length : place, 0, { i, distance });
    near.length = Math.min(near.length, count);
  });
  return near.map(({ i }) => i);
}

function distanceOf(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum;
}
