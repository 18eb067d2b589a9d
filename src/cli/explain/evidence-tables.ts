import { favourText, timesText } from "./plain-words.ts";
import { signed } from "./rule.ts";
import type { EvidenceItem, NotMeasured, Subject } from "./schema.ts";
import { valueText } from "./short-version.ts";
import { decimalsOf, shortName } from "./sum-table.ts";
import { plainTable, type Row } from "./table.ts";

/** From here on the measurement and what the model makes of it have a column each. */
const WIDE = 110;

/** All telemetry, group by group, with its weights for the two labels that are compared. */
export function evidenceLines(subject: Subject, width: number): string[] {
  const { evidence, best, runnerUp } = subject;
  if (evidence.length === 0 || !best || !runnerUp) return [];
  const digits = decimalsOf(subject);
  const isWide = width >= WIDE;
  const number = (label: string): { head: string; width: number; isNumber: boolean } => ({
    head: `for ${shortName(label)}`,
    width: 9,
    isNumber: true,
  });
  const columns = [
    ...(isWide
      ? [{ head: "what was measured", width: 36 }, { head: "what the model makes of it" }]
      : [{ head: "what was measured, and what the model makes of it" }]),
    number(best),
    number(runnerUp),
    { head: "so it", width: isWide ? 30 : 19 },
  ];
  const rows = evidence.flatMap(({ title, items }): Row[] => [
    { heading: title.toUpperCase() },
    ...items.filter(isWeighed).map((item) => {
      const [first, second] = [item.weights[best] ?? 0, item.weights[runnerUp] ?? 0];
      const what = `${item.name}: ${valueText(item)}`;
      return [
        ...(isWide ? [what, item.meaning] : [`${what}\n  ${item.meaning}`]),
        signed(first, digits),
        signed(second, digits),
        favourText(item.times, best, runnerUp),
      ];
    }),
    ...unweighedRow(items.filter((item) => !isWeighed(item))),
  ]);
  return plainTable(columns, rows, { width, isAiry: true });
}

/** A feature without a weight for any label: shown beside the others, and in no sum. */
function isWeighed({ weights }: EvidenceItem): boolean {
  return Object.values(weights).some((weight) => weight !== 0);
}

function unweighedRow(items: readonly EvidenceItem[]): Row[] {
  if (items.length === 0) return [];
  const list = items.map((item) => `${item.name}: ${valueText(item)}`);
  return [`weighs nothing: ${list.join("; ")}`];
}

/** What would have weighed and was not there, and after it what would hardly have moved anything. */
export function missingLines(subject: Subject, width: number): string[] {
  const { notMeasured, best, runnerUp } = subject;
  if (!best || !runnerUp) return [];
  const weighed = notMeasured.filter(isWorthARow);
  const rest = notMeasured.filter((item) => !isWorthARow(item));
  const part = Math.floor((width - 6) / 3);
  const columns = [
    { head: "what, and what it needs", width: part },
    { head: "what it could have told" },
    { head: "how much it could have moved", width: part },
  ];
  const rows = weighed.map(({ name, needs, tells, couldMove }) => [
    `${name}: needs ${needs}`,
    tells,
    couldMove ? reachText(couldMove, best, runnerUp) : "",
  ]);
  return [
    ...(rows.length > 0 ? plainTable(columns, rows, { width, isAiry: true }) : []),
    ...(rest.length > 0 ? ["", ...restLines(rest)] : []),
  ];
}

/** Less than a fifth more likely is no more than a line among others. */
const LEAST_MOVE = 0.2;

function isWorthARow({ couldMove }: NotMeasured): boolean {
  return couldMove !== undefined && Math.max(-couldMove.least, couldMove.most) >= LEAST_MOVE;
}

function restLines(rest: readonly NotMeasured[]): string[] {
  const byNeed = new Map<string, string[]>();
  for (const { needs, name } of rest) byNeed.set(needs, [...(byNeed.get(needs) ?? []), name]);
  return [
    "  Not measured either, and of little or no weight between these two in this model:",
    ...[...byNeed].map(([needs, names]) => `  - ${names.join("; ")}: needs ${needs}`),
  ];
}

function reachText(
  { least, most }: { least: number; most: number },
  best: string,
  runnerUp: string,
): string {
  const up = most > 0.05 ? [`up to ${timesText(Math.exp(most))} towards ${best}`] : [];
  const down = least < -0.05 ? [`up to ${timesText(Math.exp(-least))} towards ${runnerUp}`] : [];
  const both = [...up, ...down];
  return both.length === 0 ? "hardly anything between these two" : both.join(", or ");
}
