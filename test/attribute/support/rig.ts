import { Ownership } from "../../../src/attribute/ownership.ts";
import { type Interval, intervalOf } from "../../../src/attribute/intervals.ts";
import { attribute, type AttributionInput } from "../../../src/attribute/shares.ts";
import { ownerKey } from "../../../src/model/owner.ts";
import type { GpuSample, ProcessSample, ProcessSighting } from "../../../src/model/sample.ts";
import type { Share } from "../../../src/model/slice.ts";

export const SETTINGS = { intervalMs: 1000, maxGapMs: 3000, idleBelowUtil: 0.05 };
export const WINDOW = { fromMs: 0, toMs: 10_000 };

/** A sample a second, from `from` to `to` inclusive (seconds). */
export function everySecond(
  reading: (second: number) => Partial<GpuSample>,
  from = 0,
  to = 12,
): GpuSample[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    kind: "gpu",
    gpu: 0,
    atMs: (from + i) * 1000,
    ...reading(from + i),
  }));
}

export function listAt(
  atMs: number,
  list: readonly ProcessSighting[],
  more: Partial<ProcessSample> = {},
): ProcessSample {
  return { kind: "processes", gpu: 0, atMs, list, ...more };
}

/** The same list at every second from 1 to 11. */
export function listsOf(
  list: readonly ProcessSighting[],
  more: Partial<ProcessSample> = {},
): ProcessSample[] {
  return Array.from({ length: 11 }, (_, i) => listAt((i + 1) * 1000, list, more));
}

export function intervalsOf(samples: readonly GpuSample[]): Interval[] {
  return samples.flatMap((sample, i) => intervalOf(samples[i - 1], sample, SETTINGS) ?? []);
}

/** The window from 0 to 10 s. */
export function shareOut(
  samples: readonly GpuSample[],
  processes: readonly ProcessSample[],
  more: Partial<AttributionInput> = {},
): Share[] {
  const intervals = intervalsOf(samples);
  return attribute({
    window: WINDOW,
    intervals,
    processes,
    ownerOf: new Ownership().besides(new Set()),
    ...more,
  });
}

/** `user:alice process-utilization` → milliseconds. */
export function byBasis(shares: readonly Share[]): Record<string, number> {
  return Object.fromEntries(
    shares.map(({ owner, basis, timeMs }) => [`${ownerKey(owner)} ${basis}`, timeMs]),
  );
}

export const SERVER: ProcessSighting = {
  pid: 50,
  exe: "/usr/bin/nvidia-cuda-mps-server",
  user: "root",
  memUsedBytes: 30e6,
};
