/** What a bin's weight rests on, in words that can be checked: which families lay in it. */
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import { sanitize } from "../../src/model/text.ts";
import { type BinnedFeature, binIndex } from "./bins.ts";
import type { Measured } from "./rows.ts";

/** A reason goes into every slice that it weighs in: it names so many families of a label. */
const NAMED = 2;
const NAME_LENGTH = 40;

/** One reason for each bin of a feature that was fitted. A family is in the bin with most of its windows. */
export function reasonsOf({ bins, measured }: BinnedFeature): string[] {
  const homes = homesOf(measured, (value) => binIndex(bins, value));
  return bins.map(({ physics }, bin) => {
    const told = DECIDABLE_LABELS.flatMap((label) => {
      const families = homes.get(label);
      const here = [...(families ?? [])].filter(([, home]) => home === bin).map(([name]) => name);
      // Nobody of a label here is said of mining alone: it is what an accused person asks first.
      if (!families || (here.length === 0 && label !== "mining-like")) return [];
      return [`in ${here.length} of ${families.size} ${label} families${names(here)}`];
    });
    const isHome = [...homes.values()].some((families) => [...families.values()].includes(bin));
    const seen = isHome ? told.join(", ") : "in no family of the fit for most of its time";
    return physics === undefined ? seen : `${seen}; physics: ${physics}`;
  });
}

/** By label and family the bin with most of its windows; the lower one of two equal ones. */
function homesOf(
  measured: readonly Measured[],
  binOf: (value: number) => number,
): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, Map<number, number>>>();
  for (const { row, value } of measured) {
    const { label, family, windows } = row;
    const families = counts.get(label) ?? new Map<string, Map<number, number>>();
    const found = families.get(family) ?? new Map<number, number>();
    const bin = binOf(value);
    counts.set(label, families.set(family, found.set(bin, (found.get(bin) ?? 0) + windows)));
  }
  const most = (found: ReadonlyMap<number, number>): number =>
    [...found].sort(([a, m], [b, n]) => n - m || a - b)[0]?.[0] ?? 0;
  return new Map(
    [...counts].map(([label, families]) => [
      label,
      new Map(
        [...families]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([family, found]) => [family, most(found)]),
      ),
    ]),
  );
}

function names(families: readonly string[]): string {
  if (families.length === 0) return "";
  const named = families.slice(0, NAMED).map((name) => sanitize(name, NAME_LENGTH));
  const more = families.length - named.length;
  return ` (${named.join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
}
