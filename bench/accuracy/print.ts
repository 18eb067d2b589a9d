import { COLUMNS, type Confusion, type Score } from "./confusion.ts";

const line = (cells: readonly string[]): string =>
  `${cells.map((text) => text.padStart(15)).join("")}\n`;
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

/** The table of what was true and what was said, and the figures below it. */
export function confusionText(confusion: Confusion): string {
  const { totalSeconds, accuracy, macroF1, classes, unknown, falseMiningSeconds } =
    confusion.score();
  const rows = classes.map((truth) =>
    line([truth, ...COLUMNS.map((said) => confusion.cell(truth, said).toFixed(0))]),
  );
  return (
    line(["truth \\ said", ...COLUMNS]) +
    rows.join("") +
    `\n${totalSeconds.toFixed(0)} GPU-seconds of truth; accuracy ${percent(accuracy)}; macro-F1 ${macroF1.toFixed(3)} over ${classes.join(", ")}\n` +
    `unknown ${percent(unknown)}; mining-like where it was none ${falseMiningSeconds.toFixed(0)} GPU-seconds\n`
  );
}

/** Two scorings of the same recordings side by side: with every feature, and without some. */
export function comparisonText(all: Score, without: Score, left: readonly string[]): string {
  const signed = (value: number, text: (value: number) => string): string =>
    `${value < 0 ? "-" : "+"}${text(Math.abs(value))}`;
  const row = (name: string, of: (score: Score) => number, text: (value: number) => string) =>
    `${name.padEnd(34)}${[text(of(all)), text(of(without)), signed(of(without) - of(all), text)]
      .map((cell) => cell.padStart(14))
      .join("")}\n`;
  return (
    `\nwithout ${left.join(", ")}:\n` +
    `${"".padEnd(34)}${["all features", "without", "difference"].map((t) => t.padStart(14)).join("")}\n` +
    row("accuracy", ({ accuracy }) => accuracy, percent) +
    row(
      "macro-F1",
      ({ macroF1 }) => macroF1,
      (value) => value.toFixed(3),
    ) +
    row("unknown", ({ unknown }) => unknown, percent) +
    row(
      "mining-like where none was, GPU-s",
      (s) => s.falseMiningSeconds,
      (v) => v.toFixed(0),
    )
  );
}
