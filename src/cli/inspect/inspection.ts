import { RecordingReader } from "../../collect/recording/read.ts";
import { RecordingSummarizer } from "../../collect/recording/summary/summary.ts";
import type { RecordingSummary } from "../../collect/recording/summary/types.ts";
import type { RecordingWarning } from "../../collect/recording/warnings.ts";
import { AssayError } from "../../model/errors.ts";
import type { GpuQuantity } from "../../model/sample.ts";

/** A recording and what it holds: everything the views show. */
export interface Inspection {
  file: string;
  lines: number;
  /** Lines by kind, those that say what ran included: counted, never looked at. */
  kinds: ReadonlyMap<string, number>;
  summary: RecordingSummary;
  warnings: readonly RecordingWarning[];
}

export interface InspectionOptions {
  /** The quantities whose course is kept for pictures. */
  charted: ReadonlySet<GpuQuantity>;
  /** Index of the only device that is looked at; all where absent. */
  gpu?: number | undefined;
  signal: AbortSignal;
}

/**
 * Reads a recording once, from start to end, in memory that does not grow with it.
 * @throws AssayError as {@link RecordingReader} does; `cli/usage` for a device it does not list
 */
export async function inspectRecording(
  file: string,
  options: InspectionOptions,
): Promise<Inspection> {
  const reader = new RecordingReader(file);
  const summarizer = new RecordingSummarizer(options.charted);
  for await (const batch of reader.batches()) {
    for (const { observation } of batch) summarizer.add(observation);
    if (options.signal.aborted) break;
  }
  const summary = summarizer.finish();
  const { lines, kinds, warnings } = reader;
  return { file, lines, kinds, warnings, summary: ofDevice(summary, options.gpu) };
}

function ofDevice(summary: RecordingSummary, gpu: number | undefined): RecordingSummary {
  if (gpu === undefined) return summary;
  const devices = summary.devices.filter((device) => device.gpu.index === gpu);
  if (devices.length > 0) return { ...summary, devices };
  const known = summary.devices.map((device) => device.gpu.index).join(", ") || "none";
  throw new AssayError("cli/usage", `the recording has no GPU ${gpu}`, {
    place: "--gpu",
    hint: `it has ${known}`,
  });
}
