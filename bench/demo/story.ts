import { GIB } from "./device.ts";
import type { Random } from "./random.ts";
import {
  hashing,
  hiddenCompute,
  holding,
  loading,
  nothing,
  serving,
  training,
  type Workload,
} from "./workloads.ts";

export const DURATION_SECONDS = 1200;
/** Nothing was sampled here, on either GPU. */
export const GAP = { fromSecond: 394, toSecond: 406 };

/** A workload from `fromSecond` of the story until the next scene begins. */
export interface Scene {
  fromSecond: number;
  workload: Workload;
}

/** GPU 0: alice trains, with a checkpoint; later something computes that nobody can be seen doing. */
export function firstGpu(random: Random): Scene[] {
  return [
    { fromSecond: 0, workload: nothing },
    { fromSecond: 60, workload: loading(GIB, 58 * GIB, 15) },
    { fromSecond: 75, workload: training(random, { fromSecond: 225, toSecond: 240 }) },
    { fromSecond: 632, workload: holding(58 * GIB) },
    { fromSecond: 640, workload: nothing },
    { fromSecond: 760, workload: hiddenCompute(random) },
    { fromSecond: 820, workload: nothing },
  ];
}

/** GPU 1: bob serves a model; after a pause the agent's container mines for 320 s, then nothing. */
export function secondGpu(random: Random): Scene[] {
  return [
    { fromSecond: 0, workload: nothing },
    { fromSecond: 12, workload: loading(GIB, 70 * GIB, 20) },
    { fromSecond: 32, workload: serving(random) },
    { fromSecond: 400, workload: holding(70 * GIB) },
    { fromSecond: 440, workload: nothing },
    { fromSecond: 501, workload: hashing() },
    { fromSecond: 820, workload: nothing },
  ];
}

/** The workload of the scene at `second`, with the seconds since the scene began. */
export function sceneAt(scenes: readonly Scene[], second: number): Scene & { elapsed: number } {
  const scene = scenes.findLast((candidate) => candidate.fromSecond <= second);
  if (!scene) throw new RangeError(`no scene at ${second} s`);
  return { ...scene, elapsed: second - scene.fromSecond };
}
