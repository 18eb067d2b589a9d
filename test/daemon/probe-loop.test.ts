import { describe, expect, it } from "vitest";
import { loadShippedData } from "../../src/config/data.ts";
import { ProbeLoop, type ProbeLoopSettings, withProbes } from "../../src/daemon/probe-loop.ts";
import type { Observation, ProbeObservation } from "../../src/model/observation.ts";
import type { Slice } from "../../src/model/slice.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { sha256dKernel } from "../../src/probe/kernels/sha256d.ts";
import type { Kernel } from "../../src/probe/kernels/kernel.ts";
import {
  createProbeSupervisor,
  type ProbeState,
  type ProbeSupervisor,
} from "../../src/probe/supervisor.ts";
import { deviceScale } from "../../src/signature/scale.ts";
import { builtUrl } from "../support/built.ts";
import { seeded } from "../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const T0 = 1_800_000_000_000;
const UUID = "GPU-a";

const ADD = `
@group(0) @binding(0) var<storage, read_write> sums: array<u32>;
@compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
  for (var i = 0u; i < 1000u; i++) { sums[id.x] += i ^ id.x; }
}`;

/** A kernel that takes even a CPU no more than milliseconds, to compile and to run. */
const quick: Kernel = {
  ...sha256dKernel,
  workload: () => ({
    job: {
      label: "add",
      code: ADD,
      entryPoint: "add",
      workgroups: [1, 1, 1],
      buffers: [{ binding: 0, kind: "read-write", sizeBytes: 256 }],
    },
    workPerDispatch: 64,
    check: async () => undefined,
  }),
};

/** A node whose clock is the test's, and whose one GPU is the software adapter. */
class Node {
  second = 0;
  readonly states: ProbeState[] = [];
  readonly devices: ProbeSupervisor;
  readonly loop: ProbeLoop;
  readonly pids: number[] = [];
  /** What the device reads, second by second. */
  gpuUtil = 0.9;
  onTick: () => void | Promise<void> = () => {};

  constructor(settings: Partial<ProbeLoopSettings> = {}, kernels: readonly Kernel[] = [quick]) {
    const monotonicMs = (): number => this.second * 1000;
    this.devices = createProbeSupervisor({
      open: async ({ started }) => {
        const { environment } = await softwareAdapter();
        const childUrl = builtUrl("probe/child.js");
        const device = await openDevice({ allowSoftware: true, environment, childUrl, started });
        this.pids.push(device.pid);
        return device;
      },
      monotonicMs,
      random: seeded(1),
      firstWaitMs: 5000,
    });
    this.loop = new ProbeLoop(
      {
        mode: "interval",
        intervalMs: 1000,
        budget: 1,
        idleBelowUtil: 0.05,
        allowSoftware: true,
        ...settings,
      },
      {
        devices: this.devices,
        kernels,
        random: seeded(2),
        nowMs: () => T0 + monotonicMs(),
        monotonicMs,
        onState: (state) => this.states.push(state),
      },
    );
  }

  async *live(seconds: number): AsyncGenerator<Observation> {
    const gpus = [{ index: 3, uuid: UUID, model: "Test GPU" }];
    const node = { node: "n", source: "a test", simulated: false, intervalMs: 1000, gpus };
    yield { kind: "node", atMs: T0, ...node };
    for (this.second = 0; this.second <= seconds; this.second++) {
      await this.onTick();
      const atMs = T0 + this.second * 1000;
      const { gpuUtil } = this;
      yield { kind: "gpu", atMs, gpu: 3, gpuUtil, powerWatts: 300 };
      const list = [{ pid: 1, user: "alice" }, ...this.pids.map((pid) => ({ pid, user: "root" }))];
      yield { kind: "processes", atMs, gpu: 3, list };
      yield { kind: "tick", atMs };
      // Time stands still while a launch runs: that the loop does not wait is another test.
      await this.loop.settled();
    }
  }
}

async function pipelineOn(node: Node, seconds: number) {
  const { model, indicators, purposes, limits } = loadShippedData();
  const pipeline = new Pipeline({
    model,
    indicators,
    purposes,
    scaleOf: (gpu) => deviceScale(gpu, limits, []),
    agentPids: () => node.devices.pids(),
    probePids: () => node.devices.pids(),
    agentVersion: "0",
  });
  const slices: Slice[] = [];
  const probes: ProbeObservation[] = [];
  const features: object[] = [];
  let readings = node.loop.readings();
  try {
    for await (const observation of withProbes(node.live(seconds), node.loop)) {
      if (observation.kind === "probe") probes.push(observation);
      for (const event of pipeline.push(observation)) {
        if (event.kind !== "final") continue;
        slices.push(...event.result.slices);
        features.push(event.result.signature.features);
      }
    }
    readings = node.loop.readings();
  } finally {
    await node.devices.close();
  }
  return { slices, probes, features, readings };
}

describe.skipIf(why !== undefined)(`probes of a live node${skipped}`, () => {
  it("are on the stream, in its order, and in the ledger as the agent's measured time", async () => {
    const node = new Node();
    const { slices, probes, features, readings } = await pipelineOn(node, 31);
    expect(probes.length).toBeGreaterThan(20);
    const untilMs = T0 + 20_000;
    for (const { gpu, pid, kernel, timing, passes } of probes)
      expect({ gpu, pid, kernel, timing, passes }).toEqual({
        gpu: 3,
        pid: node.pids[0],
        kernel: "sha256d",
        timing: "timestamp",
        passes: 4,
      });
    const agent = slices.filter(({ owner }) => owner.kind === "agent");
    const billedMs = agent.reduce((sum, { timeMs }) => sum + timeMs, 0);
    const tookMs = probes
      .filter(({ atMs }) => atMs < untilMs)
      .reduce((sum, { durationSeconds }) => sum + durationSeconds * 1000, 0);
    expect(slices.at(-1)?.toMs).toBe(untilMs);
    // What ended on the edge itself is told in the next window.
    const edgeMs = Math.max(...probes.map(({ durationSeconds }) => durationSeconds * 1000));
    expect(Math.abs(billedMs - tookMs)).toBeLessThanOrEqual(edgeMs + 1);
    expect(billedMs).toBeGreaterThan(0);
    for (const { basis, label } of agent)
      expect([basis, label]).toEqual(["own-measurement", "other"]);
    // Nobody else loses more than that: the child's context claims nothing.
    const kinds = new Set(slices.map(({ owner }) => `${owner.kind}:${owner.id}`));
    expect([...kinds].sort()).toEqual(
      ["agent:", "unobserved:", "user:alice"].filter((k) => kinds.has(k)),
    );
    const seconds = slices.reduce((sum, { timeMs }) => sum + timeMs, 0);
    expect(seconds).toBe(20_000);
    expect(features[0]).toHaveProperty("probeColdCost", expect.any(Number));
    const [reading] = readings;
    expect(reading).toMatchObject({ uuid: UUID, state: "ready", runs: probes.length, restarts: 0 });
    expect((reading?.gpuSeconds ?? 0) * 1000).toBeCloseTo(
      probes.reduce((sum, { durationSeconds }) => sum + durationSeconds * 1000, 0),
    );
  });

  it("are compared with the same on the idle device as soon as that is known", async () => {
    const node = new Node({ mode: "idle-only" });
    node.gpuUtil = 0;
    const { probes } = await pipelineOn(node, 20);
    // Nothing before the device has rested for ten seconds.
    expect(Math.min(...probes.map(({ atMs }) => atMs))).toBe(T0 + 10_000);
    const [first, ...later] = probes;
    expect(first?.baselineSeconds).toBeUndefined();
    const last = later.at(-1);
    expect(last?.baselineSeconds).toBeGreaterThan(0);
    expect(last?.queueSeconds).toBeGreaterThanOrEqual(0);
  });

  it("leave a busy device alone in mode idle-only, and say so", async () => {
    const node = new Node({ mode: "idle-only" });
    const { probes, readings } = await pipelineOn(node, 15);
    expect(probes).toEqual([]);
    expect(node.pids).toEqual([]);
    expect(readings).toMatchObject([{ state: "unopened", refusals: { busy: 1 } }]);
  });

  it("look in mode on-doubt only at a device in doubt", async () => {
    const node = new Node({ mode: "on-doubt", intervalMs: 60_000 });
    node.onTick = () => {
      if (node.second === 12) node.loop.doubt(UUID, false);
    };
    const { probes } = await pipelineOn(node, 20);
    expect(probes.map(({ atMs }) => (atMs - T0) / 1000)).toEqual([12]);
  });

  it("never take a CPU for a GPU unless a test asks for it", async () => {
    const node = new Node({ allowSoftware: false });
    const { probes, readings } = await pipelineOn(node, 3);
    expect(probes).toEqual([]);
    expect(readings).toMatchObject([{ runs: 0, refusals: { software: 1 } }]);
  });

  it("stop within the budget, and go on when it is paid off", async () => {
    const node = new Node({ budget: 0.002 });
    const { probes, readings } = await pipelineOn(node, 600);
    const used = probes.slice(0, -1).reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
    expect(probes.length).toBeGreaterThan(1);
    expect(used).toBeLessThanOrEqual(600 * 0.002 + 1e-6);
    expect(readings[0]?.refusals["budget"]).toBeGreaterThan(0);
  });

  it("survive the death of their process: told, backed off, opened again", async () => {
    const node = new Node();
    node.onTick = () => {
      const [pid] = node.pids;
      if (node.second === 5 && pid !== undefined) process.kill(pid, "SIGKILL");
    };
    const { probes, readings } = await pipelineOn(node, 20);
    expect(node.pids).toHaveLength(2);
    expect(node.states.map(({ status }) => status)).toEqual(["ready", "backing-off", "ready"]);
    const after = probes.filter(({ pid }) => pid === node.pids[1]);
    expect(after.length).toBeGreaterThan(1);
    expect(readings).toMatchObject([{ restarts: 1, refusals: { failed: 1 } }]);
  });

  it("give up a kernel that the device refuses, and go on with the others", async () => {
    const broken: Kernel = {
      ...quick,
      name: "broken",
      measures: "f32-flop",
      workload: (context) => {
        const workload = quick.workload(context);
        return { ...workload, job: { ...workload.job, code: "no shader" } };
      },
    };
    const gather: Kernel = { ...quick, name: "gather", measures: "gather-byte" };
    const node = new Node({}, [broken, gather]);
    const { probes, readings } = await pipelineOn(node, 8);
    expect(new Set(probes.map(({ kernel }) => kernel))).toEqual(new Set(["gather"]));
    expect(node.pids).toHaveLength(1);
    expect(readings[0]?.refusals).toMatchObject({ failed: 1 });
  });
});

describe("the stream", () => {
  it("is not probed while a calibration is under way, and is again afterwards", async () => {
    const asked: string[] = [];
    let nowMs = 0;
    let isCalibrating = true;
    const loop = new ProbeLoop(
      { mode: "interval", intervalMs: 1000, budget: 1, idleBelowUtil: 0.05 },
      {
        devices: {
          acquire: async (uuid) => void asked.push(uuid),
          failed: async () => {},
          states: () => [],
        },
        kernels: [sha256dKernel],
        random: seeded(1),
        nowMs: () => T0 + nowMs,
        monotonicMs: () => nowMs,
      },
    );
    loop.pauseWhile(() => isCalibrating);
    const gpus = [{ index: 0, uuid: UUID, model: "Test GPU" }];
    loop.observe({ kind: "node", node: "n", source: "t", simulated: false, intervalMs: 1, gpus });
    const tick = (): void => {
      nowMs += 1000;
      loop.observe({ kind: "gpu", gpu: 0, atMs: T0 + nowMs, gpuUtil: 0.5 });
      loop.observe({ kind: "tick", atMs: T0 + nowMs });
    };
    for (let i = 0; i < 3; i++) tick();
    expect(asked).toEqual([]);
    expect(loop.readings()[0]?.refusals).toEqual({ calibration: 1 });
    isCalibrating = false;
    tick();
    expect(asked).toEqual([UUID]);
  });

  it("is not held up by a device that never answers", async () => {
    const loop = new ProbeLoop(
      { mode: "interval", intervalMs: 1000, budget: 1, idleBelowUtil: 0.05 },
      {
        devices: {
          acquire: async () => new Promise(() => {}),
          failed: async () => {},
          states: () => [],
        },
        kernels: [sha256dKernel],
        random: seeded(1),
        nowMs: () => T0,
        monotonicMs: () => 0,
      },
    );
    async function* ticks(): AsyncGenerator<Observation> {
      const gpus = [{ index: 0, uuid: UUID, model: "Test GPU" }];
      yield { kind: "node", node: "n", source: "t", simulated: false, intervalMs: 1000, gpus };
      for (let i = 0; i < 5; i++) yield { kind: "tick", atMs: T0 + i };
    }
    const seen: string[] = [];
    for await (const { kind } of withProbes(ticks(), loop)) seen.push(kind);
    expect(seen).toEqual(["node", "tick", "tick", "tick", "tick", "tick"]);
  });
});
