/**
 * Scores the labels of recordings against their truth lines, in GPU-seconds; with `--without` once
 * more with features left out, to see what they add.
 * Usage: npm run accuracy -- DIRECTORY_OF_RECORDINGS [--without FEATURE,FEATURE,...]
 */
import { labelRecording } from "../../src/cli/label-recording.ts";
import type { Feature } from "../../src/model/signature.ts";
import { Confusion, type Said } from "./confusion.ts";
import { type AccuracyOptions, accuracyOptions } from "./options.ts";
import { comparisonText, confusionText } from "./print.ts";
import { recordingsIn, truthOf } from "./truth.ts";

try {
  await main(accuracyOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function main({ directory, without }: AccuracyOptions): Promise<void> {
  const all = await scored(directory, []);
  process.stdout.write(confusionText(all));
  if (without.length === 0) return;
  const less = await scored(directory, without);
  process.stdout.write(comparisonText(all.score(), less.score(), without));
}

async function scored(directory: string, without: readonly Feature[]): Promise<Confusion> {
  const confusion = new Confusion();
  for (const file of recordingsIn(directory)) {
    const said: Said[] = [];
    const signal = new AbortController().signal;
    await labelRecording(
      file,
      signal,
      ({ gpu, window, label }) =>
        said.push({ gpu: gpu.index, from: window.fromMs / 1000, to: window.toMs / 1000, label }),
      { leaveOut: without },
    );
    for (const truth of await truthOf(file)) confusion.compare(truth, said);
  }
  return confusion;
}
