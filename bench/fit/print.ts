import { CLASSES, COLUMNS, figuresOf } from "../accuracy/figures.ts";
import type { Piece } from "../accuracy/overlay.ts";

const line = (cells: readonly string[]): string =>
  `${cells.map((text) => text.padStart(15)).join("")}\n`;
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

/** The table of what was true and what was said in GPU-seconds, and the figures below it. */
export function figuresText(pieces: readonly Piece[]): string {
  const { accuracy, confusion, macroF1, truthSeconds, unknown, falseMiningSeconds } =
    figuresOf(pieces);
  const rows = CLASSES.filter((truth) => confusion[truth]).map((truth) =>
    line([truth, ...COLUMNS.map((said) => (confusion[truth]?.[said] ?? 0).toFixed(0))]),
  );
  return (
    line(["truth \\ said", ...COLUMNS]) +
    rows.join("") +
    `\n${truthSeconds.toFixed(0)} GPU-seconds of truth; accuracy ${percent(accuracy)}; macro-F1 ${macroF1.toFixed(3)}\n` +
    `unknown ${percent(unknown)}; mining-like where it was none ${falseMiningSeconds.toFixed(0)} GPU-seconds\n`
  );
}
