import { replaySource } from "../collect/recording/replay.ts";
import type { RecordingWarning } from "../collect/recording/warnings.ts";
import { agentVersion, loadShippedData } from "../config/data.ts";
import type { EvidenceModel } from "../classify/evidence-model.ts";
import type { Feature } from "../model/signature.ts";
import type { WindowResult } from "../pipeline/events.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { deviceScale } from "../signature/scale.ts";

/** What a recording is labelled with, where it is not what ships. */
export interface LabellingOptions {
  /** Features that are taken out before a window is labelled: to see what they add. */
  leaveOut?: readonly Feature[] | undefined;
  model?: EvidenceModel | undefined;
}

/** A pipeline with the data that ships, for recordings: no calibration, no process of our own. */
export function recordingPipeline({ leaveOut, model }: LabellingOptions = {}): Pipeline {
  const { model: shipped, indicators, purposes, kernelNames, limits } = loadShippedData();
  return new Pipeline({
    model: model ?? shipped,
    indicators,
    purposes,
    kernelNames,
    scaleOf: (gpu) => deviceScale(gpu, limits, []),
    agentPids: () => new Set(),
    agentVersion: agentVersion(),
    leaveOut,
  });
}

/** Final windows of a recording, in the order they close. @returns what the reader put up with */
export async function labelRecording(
  file: string,
  signal: AbortSignal,
  onWindow: (result: WindowResult) => void,
  options: LabellingOptions = {},
): Promise<RecordingWarning[]> {
  const pipeline = recordingPipeline(options);
  const sleep = async (): Promise<void> => {};
  const replay = replaySource({ file, speed: Infinity, clock: () => 0, sleep, signal });
  for await (const observation of replay)
    for (const event of pipeline.push(observation))
      if (event.kind === "final") onWindow(event.result);
  for (const event of pipeline.flush()) if (event.kind === "final") onWindow(event.result);
  return replay.warnings;
}
