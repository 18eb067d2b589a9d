import { replaySource } from "../../src/collect/recording/replay.ts";
import { AssayError } from "../../src/model/errors.ts";
import type { Observation } from "../../src/model/observation.ts";
import { recordingName } from "../labelled.ts";
import { type Truths, truthsOf } from "./truth.ts";

/** One recording in memory, so that several models can be run over it while it is read once. */
export interface OpenRecording {
  file: string;
  name: string;
  observations: readonly Observation[];
  truths: Truths;
  simulated: boolean;
  /** Device model by index, and index by uuid: both as of the last line that described the node. */
  devices: ReadonlyMap<number, string>;
  indexes: ReadonlyMap<string, number>;
}

/** @throws AssayError any `recording/…` code of the reader, and for truth that cannot be scored */
export async function openRecording(file: string): Promise<OpenRecording> {
  const truths = await truthsOf(file);
  const observations: Observation[] = [];
  const [devices, indexes] = [new Map<number, string>(), new Map<string, number>()];
  let simulated = false;
  const sleep = async (): Promise<void> => {};
  for await (const each of replaySource({ file, speed: Infinity, clock: () => 0, sleep })) {
    observations.push(each);
    if (each.kind !== "node") continue;
    simulated ||= each.simulated;
    for (const { index, model, uuid } of each.gpus) {
      devices.set(index, model);
      indexes.set(uuid, index);
    }
  }
  const stray = truths.devices.find(({ gpu }) => !devices.has(gpu));
  if (stray)
    throw new AssayError("recording/unknown-gpu", `truth of GPU ${stray.gpu}, which is not there`, {
      place: file,
      hint: "a truth line names a device by the index that the header gives it",
    });
  return {
    file,
    name: recordingName(file),
    observations,
    truths,
    simulated,
    devices,
    indexes,
  };
}
