import { AssayError } from "../model/errors.ts";
import type { GpuInfo } from "../model/sample.ts";
import type { DeliberateMemory } from "./deliberate-memory.ts";
import {
  awaitChange,
  changesText,
  gpuText,
  type Levels,
  mibText,
  type Patience,
  readLevels,
} from "./memory-levels.ts";
import { noMatch, refusedIsNoMatch } from "./no-match.ts";
import type { TelemetrySource } from "./telemetry.ts";

const SMALLEST_BYTES = 40 * 1024 ** 2;
/** The first size, of the second: two that no coincidence gives. */
const FIRST_SHARE = 0.6;
/** Of the free memory, at most. */
const FREE_SHARE = 1 / 4;
/** A second try has a base of its own: the first may have been read while the telemetry lagged. */
const TRIES = 2;

export interface Following extends Patience {
  memory: DeliberateMemory;
  telemetry: TelemetrySource;
  /** GPUs that the memory may be of: what they have free bounds what is taken. */
  candidates: readonly GpuInfo[];
  /** Of the larger size. */
  largestBytes: number;
}

/**
 * The one GPU on which memory of two sizes came when it was taken and went when it was given back.
 * @throws AssayError `probe/no-match` saying what was seen on which GPU
 */
export async function gpuOfMemory(following: Following): Promise<GpuInfo> {
  const { candidates, largestBytes, memory } = following;
  const sizes = sizesFor(largestBytes, candidates, await firstLevels(following));
  for (let tries = 1; ; tries++) {
    try {
      return await followSizes(following, sizes);
    } catch (error) {
      const again = error instanceof AssayError && error.code === "probe/no-match";
      if (!again || tries === TRIES) throw error;
      await memory.giveBack();
    }
  }
}

/** Two sizes that differ, as large as they may be; a GPU that is nearly full is spared. */
function sizesFor(largestBytes: number, candidates: readonly GpuInfo[], levels: Levels): number[] {
  const free = candidates.flatMap(({ uuid, memoryTotalBytes }) => {
    const usedBytes = levels.get(uuid);
    if (memoryTotalBytes === undefined || usedBytes === undefined) return [];
    return [(memoryTotalBytes - usedBytes) * FREE_SHARE];
  });
  const secondBytes = Math.min(largestBytes, Math.max(SMALLEST_BYTES, Math.min(...free)));
  return [secondBytes * FIRST_SHARE, secondBytes].map((bytes) => Math.floor(bytes / 16) * 16);
}

/** A source may have no new reading at first. */
async function firstLevels(following: Following): Promise<Levels> {
  const { telemetry, monotonicSeconds, limitSeconds, sleep, pollSeconds, signal } = following;
  const endSeconds = monotonicSeconds() + limitSeconds;
  for (;;) {
    const levels = await readLevels(telemetry);
    if (levels.size > 0) return levels;
    if (monotonicSeconds() >= endSeconds)
      throw noMatch("no collector measures the memory in use of any GPU here");
    await sleep(pollSeconds);
    signal?.throwIfAborted();
  }
}

async function followSizes(following: Following, sizes: readonly number[]): Promise<GpuInfo> {
  const { memory, telemetry } = following;
  let levels = await firstLevels(following);
  let found: GpuInfo | undefined;
  for (const sizeBytes of sizes)
    for (const step of ["taken", "given back"] as const) {
      const isTaken = step === "taken";
      await refusedIsNoMatch(() => (isTaken ? memory.take(sizeBytes) : memory.giveBack()));
      const changeBytes = isTaken ? sizeBytes : -sizeBytes;
      const { moved, levels: after } = await awaitChange(telemetry, levels, changeBytes, following);
      const [gpu, ...others] = moved;
      if (!gpu || others.length > 0 || (found && gpu !== found)) {
        const seen = changesText(telemetry.gpus, levels, after);
        const what = `${mibText(sizeBytes)} of memory, ${step} on purpose by the device process`;
        throw noMatch(`${what}, ${where(moved, found)}: ${seen}`);
      }
      found = gpu;
      levels = after;
    }
  if (!found) throw new RangeError("no size to follow");
  return found;
}

function where(moved: readonly GpuInfo[], found: GpuInfo | undefined): string {
  const names = moved.map(gpuText).join(" and ");
  if (moved.length === 0) return "showed on no GPU";
  if (moved.length > 1) return `showed on several GPUs, ${names}`;
  return `showed on ${names}, but before on ${found ? gpuText(found) : "none"}`;
}
