import { DECIDABLE_LABELS, type DecidableLabel } from "../../model/label.ts";
import { percent } from "./own-units.ts";
import { signed } from "./rule.ts";
import type { Subject } from "./schema.ts";
import { byLabel, type LabelNumbers } from "./sum.ts";
import { plainTable } from "./table.ts";

/** Labels without `-like`, to head narrow columns. */
export const shortName = (label: string): string => label.replace(/-like$/, "");

/**
 * Decimals with which the weights of a verdict are shown: two where none has more, else three. What
 * is shown is added up as it is shown, so that a reader comes to the same.
 */
export function decimalsOf({
  evidence,
  host,
  declared,
}: Pick<Subject, "evidence" | "host" | "declared">): number {
  const weights = [...evidence.flatMap(({ items }) => items), ...host, ...declared].flatMap(
    (item) => Object.values(item.weights),
  );
  return weights.every((weight) => Math.abs(weight * 100 - Math.round(weight * 100)) < 1e-9)
    ? 2
    : 3;
}

/** Whole units of the last decimal shown, so that what is shown adds up exactly. */
type Units = LabelNumbers;

interface Shown {
  pro: Units;
  against: Units;
  signs: Units;
  round: (value: number) => number;
}

/** A line of the sum, with a text for each label. */
interface SumRow {
  name: string;
  cells: readonly string[];
}

/** The sum as it is printed: each line is made of the ones above it as they are shown. */
function sumRows(subject: Subject): SumRow[] {
  const { sum, host } = subject;
  if (!sum) return [];
  const digits = decimalsOf(subject);
  const unit = 10 ** digits;
  const row = (name: string, units: Units): SumRow => ({
    name,
    cells: DECIDABLE_LABELS.map((label) => signed(units[label] / unit, digits)),
  });
  const shown = shownOf(subject, (value) => Math.round(value * unit));
  const parts = [row("speaks for it", shown.pro), row("speaks against it", shown.against)];
  const signs = host.length > 0 ? [row("signs on processes", shown.signs)] : [];
  const { prior, whole } = sum;
  if (!prior || !whole) return [...parts, ...signs];
  const { round } = shown;
  const start = byLabel((label) => round(prior[label]));
  const own = byLabel((label) => start[label] + shown.pro[label] + shown.against[label]);
  const pull = byLabel((label) => round(whole.pull[label]));
  const total = byLabel((label) => round(whole.total[label]));
  const cooled = byLabel((label) => round(whole.cooled[label]));
  const declared = byLabel((label) => round(whole.declared[label]));
  const rest = byLabel(
    (label) =>
      total[label] -
      own[label] -
      pull[label] -
      cooled[label] -
      shown.signs[label] -
      declared[label],
  );
  return [
    row("every label starts with", start),
    ...parts,
    row("this window alone", own),
    ...(isSome(pull) ? [row("moved by its neighbours", pull)] : []),
    ...(isSome(cooled) ? [row(`taken by the temperature ${whole.temperature}`, cooled)] : []),
    ...signs,
    ...(isSome(declared) ? [row("what programs declare", declared)] : []),
    ...(isSome(rest) ? [row("rounding of the above", rest)] : []),
    row("total", total),
    ...shareRows(
      byLabel((label) => total[label] / unit),
      whole,
    ),
  ];
}

function shownOf({ evidence, host }: Subject, round: Shown["round"]): Shown {
  const items = evidence.flatMap((group) => group.items);
  const added = (keep: (weight: number) => boolean): Units =>
    byLabel((label) =>
      items.reduce((acc, { weights }) => {
        const weight = weights[label] ?? 0;
        return keep(weight) ? acc + round(weight) : acc;
      }, 0),
    );
  return {
    pro: added((weight) => weight > 0),
    against: added((weight) => weight < 0),
    signs: byLabel((label) =>
      host.reduce((acc, { weights }) => acc + round(weights[label] ?? 0), 0),
    ),
    round,
  };
}

function isSome(units: Units): boolean {
  return Object.values(units).some((value) => value !== 0);
}

/** From the total to the probability, by what a pocket calculator can do. */
function shareRows(
  total: LabelNumbers,
  { probabilities }: NonNullable<NonNullable<Subject["sum"]>["whole"]>,
): SumRow[] {
  const cells = (of: (label: DecidableLabel) => string): string[] => DECIDABLE_LABELS.map(of);
  return [
    {
      name: "e to the power of that",
      cells: cells((label) => oddsText(Math.exp(total[label]))),
    },
    { name: "probability: its share", cells: cells((label) => percent(probabilities[label])) },
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
