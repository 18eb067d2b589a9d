import { RecordingReader } from "../../collect/recording/read.ts";
import { timeOf } from "../../collect/recording/time-order.ts";
import { agentVersion, loadShippedData } from "../../config/data.ts";
import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";
import { DEFAULT_WINDOW_MS, windowLengthMs } from "../../model/window.ts";
import type { WindowResult } from "../../pipeline/events.ts";
import { deviceScale } from "../../signature/scale.ts";
import { warningText } from "../format.ts";
import { labelRecording } from "../label-recording.ts";
import { AROUND, type Scene, type SceneWindow } from "./scene.ts";
import { type GivenTime, noWindow } from "./time.ts";

/** What is kept of one device: as much as is shown around the moment, however long the recording. */
interface Kept {
  before: WindowResult[];
  here?: WindowResult | undefined;
  after: WindowResult[];
}

export interface RecordingPlace {
  file: string;
  at: GivenTime;
  /** Index or uuid; may be absent where the recording has one device. */
  gpu: string | undefined;
}

/**
 * The window of a recording at a time, labelled anew.
 * @returns the scene, and what the reader put up with; undefined where it was stopped before the time
 * @throws AssayError explain/gpu, explain/no-window, explain/time, or of the recording
 */
export async function sceneOfRecording(
  { file, at, gpu }: RecordingPlace,
  signal: AbortSignal,
): Promise<{ scene: Scene; warnings: string[] } | undefined> {
  const atMs = await instantOf(file, at);
  const kept = new Map<string, Kept>();
  const enough = new AbortController();
  const warnings = await labelRecording(
    file,
    AbortSignal.any([signal, enough.signal]),
    (result) => {
      keep(kept, result, atMs);
      if ([...kept.values()].every(({ after }) => after.length > AROUND)) enough.abort();
    },
  );
  if (signal.aborted) return undefined;
  const chosen = choose(file, kept, gpu);
  const { here, before, after } = chosen;
  if (!here) {
    const around = { before: before.at(-1)?.window, after: after[0]?.window };
    throw noWindow(atMs, sanitize(file), around);
  }
  const { model, limits, purposes } = loadShippedData();
  const isCalibrated = here.signature.scale === "calibrated";
  const scene: Scene = {
    source: { kind: "recording", path: file },
    atMs,
    node: here.node,
    simulated: here.simulated,
    gpu: here.gpu,
    windowMs: Math.max(DEFAULT_WINDOW_MS, windowLengthMs(here.window)),
    here: windowOf(here),
    around: [...before.slice(-AROUND), ...after.slice(0, AROUND)].map(windowOf),
    model,
    maxRelief: purposes.maxRelief,
    // On which watts a device calibrated itself, a recording does not tell.
    scale: isCalibrated ? undefined : deviceScale(here.gpu, limits, []),
    agentVersion: agentVersion(),
  };
  return { scene, warnings: warnings.map((warning) => warningText(file, warning)) };
}

function windowOf({ window, slices, ...device }: WindowResult): SceneWindow {
  return { window, slices, device };
}

function keep(kept: Map<string, Kept>, result: WindowResult, atMs: number): void {
  const { uuid } = result.gpu;
  const own = kept.get(uuid) ?? { before: [], after: [] };
  kept.set(uuid, own);
  if (result.window.toMs <= atMs) {
    own.before.push(result);
    if (own.before.length > AROUND) own.before.shift();
  } else if (result.window.fromMs <= atMs) own.here = result;
  else if (own.after.length <= AROUND) own.after.push(result);
}

function choose(file: string, kept: ReadonlyMap<string, Kept>, gpu: string | undefined): Kept {
  const all = [...kept.values()];
  const newest = ({ here, before, after }: Kept): WindowResult | undefined =>
    here ?? before.at(-1) ?? after[0];
  const found = all.filter((each) => {
    const told = newest(each)?.gpu;
    return gpu === undefined || told?.uuid === gpu || String(told?.index) === gpu;
  });
  // An index may have been another device's before: the one that was there at the time is meant.
  const [only, ...others] = found.some(({ here }) => here)
    ? found.filter(({ here }) => here)
    : found;
  if (only && others.length === 0) return only;
  const list = all.flatMap((each) => {
    const told = newest(each);
    return told ? [`${told.gpu.index} (${sanitize(told.gpu.uuid, 60)}) ${told.label}`] : [];
  });
  const message =
    gpu === undefined
      ? `The recording has ${all.length} GPUs: which one is meant?`
      : `There is no GPU ${sanitize(gpu, 60)} in the recording.`;
  throw new AssayError("explain/gpu", message, {
    place: sanitize(file),
    hint:
      list.length === 0
        ? "nothing in it was labelled: it takes two samples of a GPU, since each explains the time before it"
        : `name one with --gpu: ${list.join(", ")}`,
  });
}

async function instantOf(file: string, at: GivenTime): Promise<number> {
  if (at.kind === "instant") return at.atMs;
  if (at.kind === "ago")
    throw new AssayError("explain/time", "a recording does not know how long ago it was made", {
      place: "--at",
      hint: "count from its start, such as +540s",
    });
  const startMs = await startOf(file);
  return startMs + at.afterMs;
}

/** When the first line with a time was measured. */
async function startOf(file: string): Promise<number> {
  for await (const located of new RecordingReader(file)) {
    const atMs = timeOf(located);
    if (atMs !== undefined) return atMs;
  }
  throw new AssayError("explain/no-window", "Nothing in the recording has a time.", {
    place: sanitize(file),
    hint: "is there any sample of a GPU in it?",
  });
}
