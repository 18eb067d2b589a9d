import { splitExactly } from "../model/split.ts";

/** What one owner put into one line, exactly: in a unit's `perUnit`th parts. */
export interface ExactCell {
  line: string;
  ownerKey: string;
  exact: bigint;
}

/** Whole units by line, and in it by owner. */
export type SettledCells = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

/**
 * Rounds once, from the whole down: the total half up, the owners by largest remainder so that they
 * sum to it, and an owner's part of each line so that they sum to the owner's. So neither the total nor
 * what an owner pays depends on how a report is grouped.
 * @param perUnit exact parts of one unit
 */
export function settleCells(cells: readonly ExactCell[], perUnit: bigint): SettledCells {
  const owners = new Map<string, ExactCell[]>();
  for (const cell of cells) {
    const own = owners.get(cell.ownerKey);
    if (own) own.push(cell);
    else owners.set(cell.ownerKey, [cell]);
  }
  const sums = [...owners].map(([key, own]) => ({ key, weight: sumExact(own) }));
  const parts = splitExactly(roundedTotal(cells, perUnit), sums);
  const out = new Map<string, Map<string, bigint>>();
  for (const [i, [ownerKey, own]] of [...owners].entries()) {
    const claims = own.map(({ line, exact }) => ({ key: line, weight: exact }));
    const units = splitExactly(parts[i] ?? 0n, claims);
    for (const [j, { line }] of own.entries()) {
      const ofLine = out.get(line) ?? new Map<string, bigint>();
      ofLine.set(ownerKey, (ofLine.get(ownerKey) ?? 0n) + (units[j] ?? 0n));
      out.set(line, ofLine);
    }
  }
  return out;
}

/** The exact sum in whole units, half up. */
export function roundedTotal(cells: readonly { exact: bigint }[], perUnit: bigint): bigint {
  return (sumExact(cells) + perUnit / 2n) / perUnit;
}

function sumExact(cells: readonly { exact: bigint }[]): bigint {
  return cells.reduce((acc, { exact }) => acc + exact, 0n);
}
