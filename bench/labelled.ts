/** The windows of a recording with what was true in them: what a model is fitted to and judged by. */
import { basename } from "node:path";
import { type LabellingOptions, labelRecording } from "../src/cli/label-recording.ts";
import type { Label } from "../src/model/label.ts";
import type { WindowResult } from "../src/pipeline/events.ts";
import { type Truth, truthOf } from "./accuracy/truth.ts";

/** One window of one device. */
export interface LabelledWindow {
  /** The file's name without its ending. */
  recording: string;
  /** What leave-one-out leaves out together; the recording where the truth names none. */
  family: string;
  result: WindowResult;
  /** Seconds of the window that were truly so; stretches without a truth are in none. */
  truthSeconds: Partial<Record<Label, number>>;
}

export const recordingName = (file: string): string =>
  basename(file).replace(/\.ndjson(\.gz)?$/, "");

/** The windows of a recording that any truth reaches into, in the order they close. */
export async function labelledWindows(
  file: string,
  options: LabellingOptions = {},
): Promise<LabelledWindow[]> {
  const [truths, recording] = [await truthOf(file), recordingName(file)];
  const found: LabelledWindow[] = [];
  await labelRecording(
    file,
    new AbortController().signal,
    (result) => found.push(...withTruth(truths, recording, result)),
    options,
  );
  return found;
}

/** A window with what was true in it; none where no truth reaches into it. */
export function withTruth(
  truths: readonly Truth[],
  recording: string,
  result: WindowResult,
): LabelledWindow[] {
  const within = truths.flatMap((truth) => overlap(truth, result) ?? []);
  const [longest] = within.toSorted((a, b) => b.seconds - a.seconds);
  if (!longest) return [];
  const truthSeconds: LabelledWindow["truthSeconds"] = {};
  for (const { truth, seconds } of within)
    truthSeconds[truth.label] = (truthSeconds[truth.label] ?? 0) + seconds;
  return [{ recording, family: longest.truth.family ?? recording, result, truthSeconds }];
}

function overlap(
  truth: Truth,
  { gpu, window }: WindowResult,
): { truth: Truth; seconds: number } | undefined {
  if (truth.gpu !== gpu.index) return undefined;
  const from = Math.max(truth.from, window.fromMs / 1000);
  const seconds = Math.min(truth.to, window.toMs / 1000) - from;
  return seconds > 0 ? { truth, seconds } : undefined;
}
