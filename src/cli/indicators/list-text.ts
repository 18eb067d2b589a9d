import { GROUP_NAMES, GROUPS, type Indicators } from "../../classify/host/indicator-data.ts";
import type { GroupDifference } from "../../classify/host/indicator-update.ts";
import { sanitize } from "../../model/text.ts";

const DAY_MS = 86_400_000;

/** Every group with its count, date, age and source. */
export function listText({ version, weights, limits, groups }: Indicators, nowMs: number): string {
  const width = Math.max(...GROUP_NAMES.map((name) => name.length));
  const lines = GROUP_NAMES.flatMap((name) => {
    const { date, source, values } = groups[name];
    const count = String(values.length).padStart(5);
    return [
      `${name.padEnd(width)} ${count}  ${date}  ${ageText(date, nowMs)}  ${GROUPS[name].says}`,
      `${" ".repeat(width + 7)} source: ${sanitize(source, 400)}`,
    ];
  });
  return `${[
    `indicators ${version}`,
    `weights: a confirmed miner +${weights.minerProcess}, a confirmed connection to a pool +${weights.poolConnection}`,
    `limits: ${Object.entries(limits)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
    "",
    ...lines,
  ].join("\n")}\n`;
}

function ageText(date: string, nowMs: number): string {
  const days = Math.floor((nowMs - Date.parse(date)) / DAY_MS);
  const text = days < 0 ? "of a day to come" : days === 1 ? "1 day old" : `${days} days old`;
  return text.padEnd(14);
}

/** Values named in a line of differences. */
const SHOWN = 20;

/** What an update changes, group by group. */
export function differenceText(
  before: Indicators,
  after: Indicators,
  changed: readonly GroupDifference[],
): string {
  const lines = changed.flatMap(({ group, added, removed }) => [
    `${group}: ${before.groups[group].values.length} become ${after.groups[group].values.length}`,
    ...valuesLine("+", added),
    ...valuesLine("-", removed),
  ]);
  const numbers = (["weights", "limits"] as const).flatMap((kind) => {
    const old = new Map<string, number>(Object.entries(before[kind]));
    return Object.entries(after[kind]).flatMap(([name, value]) =>
      value === old.get(name) ? [] : [`${kind}.${name}: ${old.get(name)} becomes ${value}`],
    );
  });
  const all = [...lines, ...numbers];
  return `${[
    `indicators ${before.version} become ${after.version}`,
    ...(all.length > 0 ? all : ["nothing changes: all of it is listed already"]),
  ].join("\n")}\n`;
}

function valuesLine(sign: string, values: readonly string[]): string[] {
  if (values.length === 0) return [];
  const more = values.length > SHOWN ? ` and ${values.length - SHOWN} more` : "";
  return [
    `  ${sign} ${values
      .slice(0, SHOWN)
      .map((value) => sanitize(value, 80))
      .join(" ")}${more}`,
  ];
}
