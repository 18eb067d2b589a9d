import { formatInstant } from "../../bill/instant.ts";
import { agentVersion, loadShippedData } from "../../config/data.ts";
import type { KnownGpu, LedgerReader, StoredSlice } from "../../ledger/contract.ts";
import type { Calibration } from "../../model/calibration.ts";
import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";
import { gpuOf } from "../chosen-gpu.ts";
import { type Window, windowLengthMs } from "../../model/window.ts";
import { type DeviceScale, deviceScale } from "../../signature/scale.ts";
import { scaleOf } from "./caveats.ts";
import { AROUND, type Scene, type SceneWindow } from "./scene.ts";
import { type GivenTime, type Nearest, noWindow } from "./time.ts";

export interface LedgerPlace {
  stateDir: string;
  at: GivenTime;
  /** Index or uuid; may be absent where the ledger knows one device. */
  gpu: string | undefined;
  nowMs: number;
  /** The length of a window as it is configured now: the windows around it are looked for by it. */
  windowMs: number;
}

/**
 * The window of a ledger at a time, as it was written down.
 * @throws AssayError explain/gpu, explain/no-window, explain/time, or of the ledger
 */
export async function sceneOfLedger(ledger: LedgerReader, place: LedgerPlace): Promise<Scene> {
  const atMs = instantOf(place);
  const gpu = gpuOf(await ledger.gpus(), place.gpu, sanitize(place.stateDir));
  const found = await ledger.slices({ fromMs: atMs, toMs: atMs + 1, gpuUuid: gpu.uuid });
  const [here] = windowsOf(found);
  if (!here) {
    const near = await nearest(ledger, gpu, atMs);
    throw noWindow(atMs, sanitize(place.stateDir), near, await gapText(ledger, gpu.uuid, atMs));
  }
  const windowMs = Math.max(place.windowMs, windowLengthMs(here.window));
  const reachMs = AROUND * windowMs;
  const wide = await ledger.slices({
    fromMs: here.window.fromMs - reachMs,
    toMs: here.window.toMs + reachMs,
    gpuUuid: gpu.uuid,
  });
  const around = windowsOf(wide).filter(({ window }) => window.fromMs !== here.window.fromMs);
  const { model, purposes } = loadShippedData();
  const { node = gpu.node, simulated = gpu.simulated } = here.slices[0] ?? {};
  const scene: Scene = {
    source: { kind: "ledger", path: place.stateDir },
    atMs,
    node,
    simulated,
    windowMs,
    here,
    around,
    gpu: { index: gpu.index, uuid: gpu.uuid, model: gpu.model },
    model,
    maxRelief: purposes.maxRelief,
    agentVersion: agentVersion(),
  };
  return { ...scene, scale: await scaleThen(ledger, gpu, scene) };
}

/** Slices of one device by window, in time order. */
function windowsOf(slices: readonly StoredSlice[]): SceneWindow[] {
  const byStart = new Map<number, StoredSlice[]>();
  for (const slice of slices)
    byStart.set(slice.fromMs, [...(byStart.get(slice.fromMs) ?? []), slice]);
  return [...byStart.entries()]
    .sort(([a], [b]) => a - b)
    .map(([fromMs, own]) => ({
      window: { fromMs, toMs: Math.max(...own.map(({ toMs }) => toMs)) },
      slices: own,
    }));
}

/** The scale that the levels of the window were read on, made again of what was known by then. */
async function scaleThen(
  ledger: LedgerReader,
  gpu: KnownGpu,
  scene: Scene,
): Promise<DeviceScale | undefined> {
  const { limits } = loadShippedData();
  const evidence = scene.here.slices.flatMap((slice) => slice.evidence);
  const origin = scaleOf(evidence, scene);
  if (origin === undefined || origin === "none") return undefined;
  if (origin === "public-limits") return deviceScale(gpu, limits, []);
  const history = await ledger.calibrationHistory({ gpuUuid: gpu.uuid });
  const byKernel = new Map<string, Calibration>();
  for (const each of history)
    if (each.atMs <= scene.here.window.fromMs) byKernel.set(each.kernel, each);
  const scale = deviceScale(gpu, limits, [...byKernel.values()]);
  return scale.origin === "calibrated" ? scale : undefined;
}

function instantOf({ at, nowMs }: LedgerPlace): number {
  if (at.kind === "instant") return at.atMs;
  if (at.kind === "ago") return nowMs - at.beforeMs;
  throw new AssayError("explain/time", "only a recording has a start to count from", {
    place: "--at",
    hint: "of a ledger give the time itself, or an age such as -10m",
  });
}

/** How far to look for the nearest window, step by step: a long ledger is not read whole for a hint. */
const LOOKS_MS = [600_000, 6 * 3_600_000, 7 * 86_400_000];

async function nearest(ledger: LedgerReader, gpu: KnownGpu, atMs: number): Promise<Nearest> {
  const gpuUuid = gpu.uuid;
  const lastEndMs = (await ledger.lastSliceEnds()).get(gpuUuid);
  let endMs = lastEndMs !== undefined && lastEndMs <= atMs ? lastEndMs : undefined;
  let startMs = gpu.firstSeenMs > atMs ? gpu.firstSeenMs : undefined;
  for (const reachMs of LOOKS_MS) {
    const [back, on] = [atMs - reachMs, atMs + reachMs];
    if (endMs === undefined && startMs === undefined) {
      // Segments come without their evidence, and merged: a week of them is small.
      const before = await ledger.segments({ fromMs: back, toMs: atMs, gpuUuid });
      if (before.length > 0) endMs = Math.max(...before.map(({ toMs }) => toMs));
    }
    if (startMs === undefined && endMs !== lastEndMs) {
      const [after] = await ledger.slices({ fromMs: atMs, toMs: on, gpuUuid, limit: 1 });
      startMs = after?.fromMs;
    }
  }
  const windowAt = async (ms: number | undefined): Promise<Window | undefined> =>
    ms === undefined
      ? undefined
      : windowsOf(await ledger.slices({ fromMs: ms, toMs: ms + 1, gpuUuid }))[0]?.window;
  return {
    before: await windowAt(endMs === undefined ? undefined : endMs - 1),
    after: await windowAt(startMs),
  };
}

async function gapText(
  ledger: LedgerReader,
  gpuUuid: string,
  atMs: number,
): Promise<string | undefined> {
  const gaps = await ledger.gaps({ fromMs: atMs, toMs: atMs + 1 });
  const gap = gaps.find((each) => each.gpuUuid === undefined || each.gpuUuid === gpuUuid);
  return gap && `${sanitize(gap.reason, 120)}, ${spanText(gap)}`;
}

function spanText({ fromMs, toMs }: Window): string {
  return `${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
}
