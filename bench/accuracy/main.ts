/**
 * Scores the labels of recordings against their truth lines, in GPU-seconds.
 * Usage: npm run accuracy -- DIRECTORY_OF_RECORDINGS
 */
import { labelRecording } from "../../src/cli/label-recording.ts";
import { type Label, LABELS } from "../../src/model/label.ts";
import { recordingsIn, type Truth, truthOf } from "./truth.ts";

type Confusion = Map<Label, Map<Label | "(none)", number>>;

interface Said {
  gpu: number;
  from: number;
  to: number;
  label: Label;
}

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write("usage: npm run accuracy -- DIRECTORY_OF_RECORDINGS\n");
  process.exitCode = 2;
} else await main(directory);

async function main(from: string): Promise<void> {
  const confusion: Confusion = new Map();
  for (const file of recordingsIn(from)) {
    const said: Said[] = [];
    await labelRecording(file, new AbortController().signal, ({ gpu, window, label }) =>
      said.push({ gpu: gpu.index, from: window.fromMs / 1000, to: window.toMs / 1000, label }),
    );
    for (const truth of await truthOf(file)) compare(truth, said, confusion);
  }
  print(confusion);
}

function compare(truth: Truth, said: readonly Said[], confusion: Confusion): void {
  let left = truth.to - truth.from;
  for (const window of said) {
    const seconds = Math.min(truth.to, window.to) - Math.max(truth.from, window.from);
    if (window.gpu !== truth.gpu || seconds <= 0) continue;
    // Where honest work of two kinds shared a device, either name is right.
    const either = truth.labels?.includes(window.label) && !truth.labels.includes("mining-like");
    count(confusion, either ? window.label : truth.label, window.label, seconds);
    left -= seconds;
  }
  if (left > 1e-6) count(confusion, truth.label, "(none)", left);
}

function count(confusion: Confusion, truth: Label, said: Label | "(none)", seconds: number): void {
  const row = confusion.get(truth) ?? new Map<Label | "(none)", number>();
  confusion.set(truth, row.set(said, (row.get(said) ?? 0) + seconds));
}

function print(confusion: Confusion): void {
  const columns = [...LABELS, "(none)"] as const;
  const cell = (truth: Label, said: Label | "(none)"): number =>
    confusion.get(truth)?.get(said) ?? 0;
  const rowSum = (truth: Label): number =>
    columns.reduce((sum, said) => sum + cell(truth, said), 0);
  const columnSum = (said: Label | "(none)"): number =>
    LABELS.reduce((sum, truth) => sum + cell(truth, said), 0);
  const total = LABELS.reduce((sum, truth) => sum + rowSum(truth), 0);
  const right = LABELS.reduce((sum, label) => sum + cell(label, label), 0);
  const classes = LABELS.filter((label) => rowSum(label) > 0);
  const f1 = (label: Label): number =>
    (2 * cell(label, label)) / (rowSum(label) + columnSum(label));
  const macroF1 = classes.reduce((sum, label) => sum + f1(label), 0) / classes.length;
  const percent = (part: number): string => `${((100 * part) / total).toFixed(1)} %`;
  const falseMining = columnSum("mining-like") - cell("mining-like", "mining-like");
  const line = (cells: readonly string[]): string =>
    `${cells.map((text) => text.padStart(15)).join("")}\n`;
  process.stdout.write(line(["truth \\ said", ...columns]));
  for (const truth of classes)
    process.stdout.write(line([truth, ...columns.map((said) => cell(truth, said).toFixed(0))]));
  process.stdout.write(
    `\n${total.toFixed(0)} GPU-seconds of truth; accuracy ${percent(right)}; macro-F1 ${macroF1.toFixed(3)} over ${classes.join(", ")}\n` +
      `unknown ${percent(columnSum("unknown"))}; mining-like where it was none ${falseMining.toFixed(0)} GPU-seconds\n`,
  );
}
