import type { GpuInfo } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { TelemetrySource } from "./telemetry.ts";

/** Memory in use by GPU, in bytes; a GPU whose memory was not measured is not in it. */
export type Levels = ReadonlyMap<string, number>;

export interface Patience {
  monotonicSeconds(): number;
  sleep(seconds: number): Promise<void>;
  limitSeconds: number;
  pollSeconds: number;
  /** Ends the waiting: what is thrown then is the signal's reason, or what `sleep` throws. */
  signal?: AbortSignal | undefined;
}

const MIB = 1024 ** 2;
/** Of a change, by which what is seen may differ from it: pages, and the driver's own bookkeeping. */
const TOLERANCE = 1 / 8;

/** What every GPU uses now; what a reading does not tell is as it was in `before`. */
export async function readLevels(
  telemetry: TelemetrySource,
  before: Levels = new Map(),
): Promise<Levels> {
  const levels = new Map(before);
  for (const { uuid } of telemetry.gpus) {
    const usedBytes = (await telemetry.read(uuid))?.memUsedBytes;
    if (usedBytes !== undefined) levels.set(uuid, usedBytes);
  }
  return levels;
}

export interface Change {
  /** GPUs whose memory in use changed by what was asked for; a divided card not beside its part. */
  moved: readonly GpuInfo[];
  levels: Levels;
}

/** Reads until one GPU alone has changed by about `changeBytes` since `from`, or time is up. */
export async function awaitChange(
  telemetry: TelemetrySource,
  from: Levels,
  changeBytes: number,
  patience: Patience,
): Promise<Change> {
  const endSeconds = patience.monotonicSeconds() + patience.limitSeconds;
  let levels = from;
  for (;;) {
    levels = await readLevels(telemetry, levels);
    const moved = movedBy(telemetry.gpus, from, levels, changeBytes);
    if (moved.length === 1 || patience.monotonicSeconds() >= endSeconds) return { moved, levels };
    await patience.sleep(patience.pollSeconds);
    patience.signal?.throwIfAborted();
  }
}

function movedBy(
  gpus: readonly GpuInfo[],
  from: Levels,
  to: Levels,
  changeBytes: number,
): GpuInfo[] {
  const moved = gpus.filter(({ uuid }) => {
    const seenBytes = changeOf(uuid, from, to);
    if (seenBytes === undefined) return false;
    return Math.abs(seenBytes - changeBytes) <= Math.abs(changeBytes) * TOLERANCE;
  });
  const divided = new Set(moved.flatMap(({ parentUuid }) => parentUuid ?? []));
  return moved.filter(({ uuid }) => !divided.has(uuid));
}

function changeOf(uuid: string, from: Levels, to: Levels): number | undefined {
  const before = from.get(uuid);
  const after = to.get(uuid);
  return before === undefined || after === undefined ? undefined : after - before;
}

/** `GPU 0 (NVIDIA T4) +192 MiB, GPU 1 (NVIDIA T4) not measured`, safe to print. */
export function changesText(gpus: readonly GpuInfo[], from: Levels, to: Levels): string {
  return gpus
    .map((gpu) => {
      const changeBytes = changeOf(gpu.uuid, from, to);
      return `${gpuText(gpu)} ${changeBytes === undefined ? "not measured" : signedMib(changeBytes)}`;
    })
    .join(", ");
}

/** A GPU in a message, safe to print. */
export function gpuText({ index, model }: GpuInfo): string {
  return `GPU ${index} (${sanitize(model, 64)})`;
}

export function mibText(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

function signedMib(bytes: number): string {
  return `${bytes < 0 ? "−" : "+"}${mibText(Math.abs(bytes))}`;
}
