/** What peers' methods see of a window: statistics of single readings, nothing of the node or of hosts. */
import { group } from "d3-array";
import type { Label } from "../../../src/model/label.ts";
import type { Observation } from "../../../src/model/observation.ts";
import type { GpuQuantity, GpuSample } from "../../../src/model/sample.ts";
import type { WindowResult } from "../../../src/pipeline/events.ts";
import { mean, median, spread } from "../../../src/signature/statistics.ts";
import type { Truth } from "../truth.ts";

/** The nine signals that arXiv 2606.19262 reads from NVML once a second. */
export const NINE_SIGNALS = [
  "gpuUtil",
  "memUtil",
  "memUsedBytes",
  "powerWatts",
  "tempC",
  "smClockMHz",
  "memClockMHz",
  "pcieTxBytesPerSec",
  "pcieRxBytesPerSec",
] as const satisfies readonly GpuQuantity[];

/** Stands for what was not measured: below anything a signal can read, so a tree can split it off. */
export const MISSING = -1;

/** A window as peers see it, with what was true in most of it. */
export interface PeerWindow {
  gpu: number;
  /** Unix seconds. */
  from: number;
  to: number;
  samples: readonly GpuSample[];
  /** Absent where no truth reaches into the window: nothing is learnt from it. */
  truth?: Label | undefined;
  /** Mean, spread, least, most and median of each of the nine signals. */
  features: readonly number[];
}

/** The windows that the pipeline made, each with the readings that explain it. */
export function peerWindows(
  observations: readonly Observation[],
  results: readonly WindowResult[],
  truths: readonly Truth[],
): PeerWindow[] {
  const samples = observations.filter((each): each is GpuSample => each.kind === "gpu");
  const byGpu = group(samples, ({ gpu }) => gpu);
  const cursors = new Map<number, number>();
  return results
    .toSorted((a, b) => a.window.fromMs - b.window.fromMs)
    .map(({ gpu, window }) => {
      const own = byGpu.get(gpu.index) ?? [];
      // A sample explains the time before it: the one at a window's start belongs to the one before.
      const begin = skip(own, cursors.get(gpu.index) ?? 0, window.fromMs);
      const end = skip(own, begin, window.toMs);
      cursors.set(gpu.index, end);
      const inside = own.slice(begin, end);
      const [from, to] = [window.fromMs / 1000, window.toMs / 1000];
      const truth = mostly(truths, gpu.index, from, to);
      return { gpu: gpu.index, from, to, samples: inside, truth, features: nineSignals(inside) };
    });
}

export function valuesOf(samples: readonly GpuSample[], quantity: GpuQuantity): number[] {
  return samples.flatMap((sample) => sample[quantity] ?? []);
}

export function nineSignals(samples: readonly GpuSample[]): number[] {
  return NINE_SIGNALS.flatMap((signal) => {
    const values = valuesOf(samples, signal);
    if (values.length === 0) return [MISSING, MISSING, MISSING, MISSING, MISSING];
    const ends = [Math.min(...values), Math.max(...values)];
    return [mean(values), spread(values), ...ends, median(values)].map((v) => v ?? MISSING);
  });
}

function skip(samples: readonly GpuSample[], at: number, untilMs: number): number {
  let next = at;
  while ((samples[next]?.atMs ?? Infinity) <= untilMs) next += 1;
  return next;
}

/** The label of most of the truth in a window. */
function mostly(
  truths: readonly Truth[],
  gpu: number,
  from: number,
  to: number,
): Label | undefined {
  const seconds = new Map<Label, number>();
  for (const truth of truths) {
    const inside = Math.min(truth.to, to) - Math.max(truth.from, from);
    if (truth.gpu === gpu && inside > 0)
      seconds.set(truth.label, (seconds.get(truth.label) ?? 0) + inside);
  }
  const [most] = [...seconds].sort(([, a], [, b]) => b - a);
  return most?.[0];
}
