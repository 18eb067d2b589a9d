import type { Label } from "../../src/model/label.ts";
import { CLASSES } from "./figures.ts";
import type { OpenRecording } from "./open.ts";
import type { Truth } from "./truth.ts";

/** What a recording is of: enough to say what it can show and what not, and no row of it. */
export interface RunFacts {
  recording: string;
  families: ReadonlySet<string>;
  /** Device models that truth speaks of, and how many devices. */
  devices: ReadonlySet<string>;
  gpus: number;
  /** GPU-seconds of truth by label, where two things ran at once by the rogue one. */
  seconds: Partial<Record<Label, number>>;
  /** GPU-seconds of truth in which several kinds of work ran at once. */
  mixedSeconds: number;
  hasCounters: boolean;
  hasProcesses: boolean;
  hasLaunches: boolean;
}

export interface ClassFacts {
  label: Label;
  seconds: number;
  runs: number;
  families: number;
  devices: number;
}

/** Counts over a set of recordings: what its figures rest on. */
export interface DataFacts {
  runs: number;
  families: number;
  devices: string[];
  classes: ClassFacts[];
  /** Runs with several devices of which all did the same: nearly one observation each. */
  copiedRuns: number;
  copiedDevices: number;
  mixedSeconds: number;
  withCounters: number;
  withProcesses: number;
  withLaunches: number;
}

export function runFacts({ name, truths, devices, observations }: OpenRecording): RunFacts {
  const seconds: RunFacts["seconds"] = {};
  for (const { label, from, to } of truths.devices)
    seconds[label] = (seconds[label] ?? 0) + to - from;
  const mixed = truths.devices.filter(({ labels }) => (labels?.length ?? 0) > 1);
  const own = new Set(truths.devices.map(({ gpu }) => gpu));
  return {
    recording: name,
    families: new Set(truths.devices.map(({ family }) => family ?? name)),
    devices: new Set([...own].map((gpu) => devices.get(gpu) ?? "unknown device")),
    gpus: own.size,
    seconds,
    mixedSeconds: mixed.reduce((sum, { from, to }: Truth) => sum + to - from, 0),
    hasCounters: observations.some((each) => each.kind === "gpu" && each.smActive !== undefined),
    hasProcesses: observations.some((each) => each.kind === "processes"),
    hasLaunches: observations.some((each) => each.kind === "launches"),
  };
}

export function dataFacts(runs: readonly RunFacts[]): DataFacts {
  const all = <T>(sets: readonly ReadonlySet<T>[]): Set<T> => new Set(sets.flatMap((s) => [...s]));
  const classes = CLASSES.map((label): ClassFacts => {
    const own = runs.filter(({ seconds }) => (seconds[label] ?? 0) > 0);
    return {
      label,
      seconds: own.reduce((sum, { seconds }) => sum + (seconds[label] ?? 0), 0),
      runs: own.length,
      families: all(own.map(({ families }) => families)).size,
      devices: all(own.map(({ devices }) => devices)).size,
    };
  });
  const copied = runs.filter(({ gpus, families }) => gpus > 1 && families.size === 1);
  return {
    runs: runs.length,
    families: all(runs.map(({ families }) => families)).size,
    devices: [...all(runs.map(({ devices }) => devices))].sort(),
    classes,
    copiedRuns: copied.length,
    copiedDevices: copied.reduce((sum, { gpus }) => sum + gpus, 0),
    mixedSeconds: runs.reduce((sum, { mixedSeconds }) => sum + mixedSeconds, 0),
    withCounters: runs.filter(({ hasCounters }) => hasCounters).length,
    withProcesses: runs.filter(({ hasProcesses }) => hasProcesses).length,
    withLaunches: runs.filter(({ hasLaunches }) => hasLaunches).length,
  };
}

/** Runs by their kinds of work and devices, numbered where several are alike: no file is named. */
export function runTitles(runs: readonly RunFacts[]): Map<string, string> {
  const plain = runs.map(({ families, devices, gpus }) => {
    const many = gpus > 1 ? `${gpus} x ` : "";
    return `${[...families].sort().join(" and ")} on ${many}${[...devices].sort().join(", ")}`;
  });
  return new Map(
    runs.map(({ recording }, i) => {
      const title = plain[i] ?? recording;
      const alike = plain.filter((each) => each === title).length;
      const place = plain.slice(0, i + 1).filter((each) => each === title).length;
      return [recording, alike > 1 ? `${title}, run ${place}` : title];
    }),
  );
}
