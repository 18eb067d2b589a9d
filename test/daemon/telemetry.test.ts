import { describe, expect, test } from "vitest";
import { openTelemetry } from "../../src/daemon/telemetry.ts";
import type { Observation } from "../../src/model/observation.ts";
import { ScriptedCollector } from "../support/scripted-collector.ts";
import { sleep } from "../../src/collect/sleep.ts";

const deps = { nowMs: () => 1000, monotonicMs: () => performance.now(), sleep };

/** A source with one GPU, which it numbers 0, and what it says of it. */
const source = (name: string, uuid: string, said: () => readonly Observation[]) => {
  const collector = new ScriptedCollector(name);
  collector.reading = async (atMs) => [
    {
      kind: "node",
      atMs,
      node: "n",
      source: name,
      simulated: false,
      intervalMs: 1000,
      gpus: [{ index: 0, uuid, model: name }],
    },
    ...said(),
  ];
  return collector;
};

const reading = (powerWatts: number): Observation => ({
  kind: "gpu",
  atMs: 1000,
  gpu: 0,
  powerWatts,
});

describe("what calibration sees", () => {
  test("is every source's GPUs, each with its own readings, whatever number it has", async () => {
    const collectors = [
      source("nvml", "GPU-a", () => [reading(300)]),
      source("drm", "0000:03:00.0", () => [reading(90)]),
    ];
    const { telemetry, close } = await openTelemetry(collectors, deps);
    expect(telemetry.gpus.map(({ index, uuid }) => [index, uuid])).toEqual([
      [0, "GPU-a"],
      [1, "0000:03:00.0"],
    ]);
    expect((await telemetry.read("GPU-a"))?.powerWatts).toBe(300);
    expect((await telemetry.read("0000:03:00.0"))?.powerWatts).toBe(90);
    expect(await telemetry.read("GPU-z")).toBeUndefined();
    await close();
    expect(collectors.map(({ closes }) => closes)).toEqual([1, 1]);
  });

  test("tells a list without anybody from no list at all", async () => {
    let list: readonly Observation[] = [];
    const collectors = [source("nvml", "GPU-a", () => list)];
    const { telemetry, close } = await openTelemetry(collectors, deps, true);
    expect(await telemetry.look?.("GPU-a")).toEqual({ readings: undefined, processes: undefined });
    expect(await telemetry.pids?.("GPU-a")).toBeUndefined();
    list = [{ kind: "processes", atMs: 1, gpu: 0, list: [] }];
    expect(await telemetry.look?.("GPU-a")).toEqual({ readings: undefined, processes: [] });
    list = [{ kind: "processes", atMs: 1, gpu: 0, list: [{ pid: 7 }, { pid: 8, exited: true }] }];
    expect(await telemetry.pids?.("GPU-a")).toEqual([7]);
    await close();
  });

  test("has no pids of ours where the drivers number processes otherwise", async () => {
    const list = [{ kind: "processes" as const, atMs: 1, gpu: 0, list: [{ pid: 7 }] }];
    const { telemetry, close } = await openTelemetry([source("nvml", "GPU-a", () => list)], deps);
    expect(await telemetry.pids?.("GPU-a")).toBeUndefined();
    expect((await telemetry.look?.("GPU-a"))?.processes).toHaveLength(1);
    await close();
  });

  test("is nothing, and no error, where no source is there", async () => {
    const absent = new ScriptedCollector();
    absent.opening = async () => ({ status: "absent", reason: "no driver" });
    for (const collectors of [[], [absent]]) {
      const { telemetry, close } = await openTelemetry(collectors, deps);
      expect(telemetry.gpus).toEqual([]);
      await close();
    }
  });
});
