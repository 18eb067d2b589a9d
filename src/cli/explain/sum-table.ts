import { DECIDABLE_LABELS, type DecidableLabel } from "../../model/label.ts";
import { percent } from "./own-units.ts";
import { signed } from "./rule.ts";
import type { Subject } from "./schema.ts";
import { plainTable } from "./table.ts";

/** Labels without `-like`, to head narrow columns. */
export const shortName = (label: string): string => label.replace(/-like$/, "");

/**
 * Decimals with which the weights of a verdict are shown: two where none has more, else three. What
 * is shown is added up as it is shown, so that a reader comes to the same.
 */
export function decimalsOf({ evidence, host }: Pick<Subject, "evidence" | "host">): number {
  const weights = [...evidence.flatMap(({ items }) => items), ...host].flatMap((item) =>
    Object.values(item.weights),
  );
  return weights.every((weight) => Math.abs(weight * 100 - Math.round(weight * 100)) < 1e-9) ? 2 : 3;
}

type Units = Record<DecidableLabel, number>;

/** A line of the sum, with a text for each label. */
export interface SumRow {
  name: string;
  cells: readonly string[];
}

/** The sum as it is printed, line by line: each line is made of the ones above as they are shown. */
export function sumRows(subject: Subject): SumRow[] {
  const { sum, evidence, host } = subject;
  if (!sum) return [];
  const digits = decimalsOf(subject);
  const unit = 10 ** digits;
  const round = (value: number): number => Math.round(value * unit);
  const all = (of: (label: DecidableLabel) => number): Units => ({
    "training-like": of("training-like"),
    "inference-like": of("inference-like"),
    "mining-like": of("mining-like"),
    other: of("other"),
  });
  const items = evidence.flatMap((group) => group.items);
  const added = (label: DecidableLabel, keep: (weight: number) => boolean): number =>
    items.reduce((acc, { weights }) => {
      const weight = weights[label] ?? 0;
      return keep(weight) ? acc + round(weight) : acc;
    }, 0);
  const pro = all((label) => added(label, (weight) => weight > 0));
  const against = all((label) => added(label, (weight) => weight < 0));
  const signs = all((label) => host.reduce((acc, { weights }) => acc + round(weights[label] ?? 0), 0));
  const row = (name: string, units: Units): SumRow => ({
    name,
    cells: DECIDABLE_LABELS.map((label) => signed(units[label] / unit, digits)),
  });
  const parts = [row("speaks for it", pro), row("speaks against it", against)];
  const signRow = host.length > 0 ? [row("signs on processes", signs)] : [];
  const { prior, whole } = sum;
  if (!prior || !whole) return [...parts, ...signRow];
  const start = all((label) => round(prior[label]));
  const own = all((label) => start[label] + pro[label] + against[label]);
  const pull = all((label) => round(whole.pull[label]));
  const total = all((label) => round(whole.total[label]));
  const rest = all((label) => total[label] - own[label] - pull[label] - signs[label]);
  const some = (units: Units): boolean => Object.values(units).some((value) => value !== 0);
  const scaled = all((label) => total[label] / unit / whole.temperature);
  const odds = all((label) => Math.exp(scaled[label]));
  return [
    row("every label starts with", start),
    ...parts,
    row("this window alone", own),
    ...(some(pull) ? [row("moved by its neighbours", pull)] : []),
    ...signRow,
    ...(some(rest) ? [row("rounding of the above", rest)] : []),
    row("total", total),
    ...(whole.temperature === 1
      ? []
      : [
          {
            name: `divided by the temperature, ${whole.temperature}`,
            cells: DECIDABLE_LABELS.map((label) => signed(scaled[label], digits)),
          },
        ]),
    {
      name: "e to the power of that",
      cells: DECIDABLE_LABELS.map((label) => oddsText(odds[label])),
    },
    {
      name: "probability: its share",
      cells: DECIDABLE_LABELS.map((label) => percent(whole.probabilities[label])),
    },
  ];
}

function oddsText(value: number): string {
  if (value >= 1e6 || value < 1e-4) return value.toExponential(2);
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

const NUMBER_WIDTH = 10;

export function sumLines(subject: Subject, width: number): string[] {
  const rows = sumRows(subject);
  if (rows.length === 0) return [];
  const columns = [
    { head: "" },
    ...DECIDABLE_LABELS.map((label) => ({
      head: shortName(label),
      width: NUMBER_WIDTH,
      isNumber: true,
    })),
  ];
  return plainTable(
    columns,
    rows.map(({ name, cells }) => [name, ...cells]),
    { width: Math.min(width, MAX_WIDTH) },
  );
}

/** Wider, the eye would lose the line between a name and its numbers. */
const MAX_WIDTH = 90;
