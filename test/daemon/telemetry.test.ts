import { describe, expect, test } from "vitest";
import { openTelemetry } from "../../src/daemon/telemetry.ts";
import type { Observation } from "../../src/model/observation.ts";
import { ScriptedCollector } from "../support/scripted-collector.ts";

const gpus = [0, 1].map((index) => ({ index, uuid: `GPU-${index}`, model: "NVIDIA T4" }));
const node: Observation = {
  kind: "node",
  node: "n",
  source: "nvml",
  simulated: false,
  intervalMs: 1000,
  gpus,
};

function collector(): ScriptedCollector {
  const scripted = new ScriptedCollector();
  scripted.reading = async (atMs) => [
    node,
    { kind: "gpu", atMs, gpu: 0, memUsedBytes: 5 },
    { kind: "processes", atMs, gpu: 0, list: [{ pid: 7 }, { pid: 8, exited: true }] },
    { kind: "gpu", atMs, gpu: 1 },
  ];
  return scripted;
}

describe("telemetry for a calibration", () => {
  test("tells the GPUs, how often they are read, and what they read", async () => {
    const { telemetry } = await openTelemetry(collector(), () => 0);
    expect(telemetry).toMatchObject({ gpus, intervalMs: 1000 });
    expect(await telemetry.read("GPU-0")).toMatchObject({ memUsedBytes: 5 });
    expect((await telemetry.read("GPU-1"))?.memUsedBytes).toBeUndefined();
    expect(await telemetry.read("GPU-9")).toBeUndefined();
  });

  test("tells processes that live, where their numbers are known to be this namespace's", async () => {
    const { telemetry } = await openTelemetry(collector(), () => 0, true);
    expect(await telemetry.pids?.("GPU-0")).toEqual([7]);
  });

  test("does not take a list that nobody made for an empty one", async () => {
    const { telemetry } = await openTelemetry(collector(), () => 0, true);
    expect(await telemetry.pids?.("GPU-1")).toBeUndefined();
  });

  test("tells no process whose number may be another's here", async () => {
    const { telemetry } = await openTelemetry(collector(), () => 0);
    expect(await telemetry.pids?.("GPU-0")).toBeUndefined();
  });

  test("knows no GPU without a driver", async () => {
    const absent = collector();
    absent.opening = async () => ({ status: "absent", reason: "no driver" });
    const { telemetry } = await openTelemetry(absent, () => 0);
    expect(telemetry.gpus).toEqual([]);
    expect(await telemetry.read("GPU-0")).toBeUndefined();
  });
});
