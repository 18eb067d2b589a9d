import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Observation } from "../../src/model/observation.ts";
import type { GpuInfo } from "../../src/model/sample.ts";
import { ownerKey } from "../../src/model/owner.ts";
import { brokenShareLaw } from "../../src/model/slice.ts";
import type { PipelineEvent, WindowResult } from "../../src/pipeline/events.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import type { PipelineSettings } from "../../src/pipeline/settings.ts";
import { loadShippedData } from "../../src/config/data.ts";

const gpus = [
  { index: 0, uuid: "GPU-0", model: "NVIDIA H100 80GB HBM3" },
  { index: 1, uuid: "GPU-1", model: "NVIDIA H100 80GB HBM3" },
];
const node: Observation = {
  kind: "node",
  node: "n1",
  source: "simulated",
  simulated: true,
  intervalMs: 1000,
  gpus,
};
const make = (more: Partial<PipelineSettings> = {}) =>
  new Pipeline({
    ...loadShippedData(),
    agentPids: () => new Set(),
    agentVersion: "0",
    scaleOf: () => ({
      origin: "public-limits",
      idlePowerWatts: 80,
      fullPowerWatts: 700,
      memoryBytes: 80e9,
    }),
    ...more,
  });
const run = (observations: readonly Observation[]): PipelineEvent[] => {
  const pipeline = make();
  return [...observations.flatMap((o) => pipeline.push(o)), ...pipeline.flush()];
};
const finals = (events: readonly PipelineEvent[]): WindowResult[] =>
  events.flatMap((event) => (event.kind === "final" ? [event.result] : []));
const gpu = (atMs: number, more: object = {}): Observation => ({
  kind: "gpu",
  gpu: 0,
  atMs,
  gpuUtil: 0,
  powerWatts: 80,
  ...more,
});
const tick = (atMs: number): Observation => ({ kind: "tick", atMs });
const seconds = (from: number, to: number, more: object = {}): Observation[] =>
  Array.from({ length: to - from }, (_, i) => gpu((from + i) * 1000, more));

describe("the pipeline", () => {
  describe("when a device it knows is described anew", () => {
    const anew = (more: object): Observation => ({
      ...node,
      gpus: gpus.map((each) => ({ ...each, ...more })),
    });

    it("scales by the new description from the next window on, and keeps its time", () => {
      const limits: (number | undefined)[] = [];
      const scaleOf = ({ powerLimitWatts }: GpuInfo) => {
        limits.push(powerLimitWatts);
        return { origin: "none" as const };
      };
      const pipeline = make({ scaleOf });
      const observations = [
        anew({ powerLimitWatts: 700 }),
        ...seconds(0, 15).flatMap((each, i) => [each, tick(i * 1000)]),
        anew({ powerLimitWatts: 400 }),
        ...seconds(15, 25).flatMap((each, i) => [each, tick((15 + i) * 1000)]),
      ];
      const events = [...observations.flatMap((o) => pipeline.push(o)), ...pipeline.flush()];
      expect([...new Set(limits)]).toEqual([700, 400]);
      expect(finals(events).map(({ window }) => window.fromMs)).toEqual([0, 10_000, 20_000]);
    });

    it("times by the new description what comes after it", () => {
      const slow = [10_000, 20_000, 30_000].map((atMs) => gpu(atMs, { gpuUtil: 1 }));
      const [first, ...later] = slow;
      const holeOf = (more: object) =>
        finals(run([node, gpu(0), ...(first ? [first] : []), anew(more), ...later]))
          .flatMap(({ slices }) => slices)
          .filter(({ owner }) => owner.kind === "unobserved")
          .reduce((sum, { timeMs }) => sum + timeMs, 0);
      // Three stretches of ten seconds; the first is a hole either way.
      expect(holeOf({}) - holeOf({ intervalMs: 5000 })).toBe(2 * 9000);
    });

    it.each([
      [undefined, 9000],
      [5000, 0],
    ])("takes its own interval of %s ms for what is a hole: %s ms of it", (intervalMs, holeMs) => {
      const slow = [0, 10_000, 20_000].map((atMs) => gpu(atMs, { gpuUtil: 1 }));
      const [first] = finals(run([anew({ intervalMs }), ...slow]));
      const unobserved = first?.slices.filter(({ owner }) => owner.kind === "unobserved") ?? [];
      expect(unobserved.reduce((sum, { timeMs }) => sum + timeMs, 0)).toBe(holeMs);
    });
  });

  it("gives each window what the driver buffered in it", () => {
    const buffers = Array.from({ length: 30 }, (_, second): Observation => ({
      kind: "samples",
      atMs: second * 1000 + 1000,
      gpu: 0,
      signal: "power",
      unit: "W",
      fromMs: second * 1000,
      offsetsMs: [0, 200, 400, 600, 800],
      values: second < 10 ? [100, 300, 100, 300, 100] : [200, 200, 200, 200, 200],
    }));
    const observations = buffers.flatMap((buffer, second) => [
      gpu(second * 1000 + 1000, { gpuUtil: 0.9, powerWatts: 200 }),
      buffer,
      tick(second * 1000 + 1000),
    ]);
    const found = finals(run([node, ...observations])).filter(({ gpu: { index } }) => index === 0);
    const variations = found.map(({ signature }) => signature.features.finePowerVariation);
    expect(variations[0]).toBeGreaterThan(0.4);
    expect(variations[1]).toBe(0);
  });

  it("waits for the process lists of the moment a window ends", () => {
    const list = [{ pid: 1, user: "alice", smUtil: 1 }];
    const late = Array.from({ length: 21 }, (_, i): Observation[] => [
      { kind: "gpu", gpu: 0, atMs: i * 1000, gpuUtil: 1 },
      { kind: "processes", gpu: 0, atMs: i * 1000 + 6, list: i === 0 ? [] : list },
      { kind: "tick", atMs: i * 1000 + 10 },
    ]);
    const [first] = finals(run([node, ...late.flat()]));
    expect(first?.slices.map((slice) => ownerKey(slice.owner))).toEqual(["user:alice"]);
  });

  it("says a window at once, and finally a window later", () => {
    const pipeline = make();
    pipeline.push(node);
    const kinds = (atMs: number) =>
      [gpu(atMs), tick(atMs)].flatMap((o) => pipeline.push(o)).map((event) => event.kind);
    for (let s = 0; s < 10; s++) kinds(s * 1000);
    expect(kinds(10_000)).toEqual(["provisional"]);
    for (let s = 11; s < 20; s++) expect(kinds(s * 1000)).toEqual([]);
    expect(kinds(20_000)).toEqual(["provisional", "final"]);
  });

  it("covers every millisecond from the first window to the last, once", () => {
    const stream = fc.array(
      fc.record({
        stepMs: fc.integer({ min: 1, max: 9000 }),
        gpu: fc.constantFrom(0, 1),
        gpuUtil: fc.constantFrom(0, 0.5, 1, undefined),
        powerWatts: fc.constantFrom(80, 500, undefined),
      }),
      { minLength: 1, maxLength: 80 },
    );
    fc.assert(
      fc.property(stream, (steps) => {
        let atMs = 1_000_000;
        const samples = steps.map(({ stepMs, ...reading }): Observation => ({
          kind: "gpu",
          atMs: (atMs += stepMs),
          ...reading,
        }));
        for (const uuid of ["GPU-0", "GPU-1"]) {
          const results = finals(run([node, ...samples])).filter(
            (result) => result.gpu.uuid === uuid,
          );
          results.forEach((result, i) => {
            expect(
              brokenShareLaw(
                result.window,
                result.slices.map((s) => ({ ...s, pids: [] })),
              ),
            ).toBeUndefined();
            const before = results[i - 1];
            if (before) expect(result.window.fromMs).toBeGreaterThanOrEqual(before.window.toMs);
          });
        }
      }),
    );
  });

  it("makes one gap record of a long silence, and unobserved slices of a short one", () => {
    const short = run([node, ...seconds(0, 15), ...seconds(45, 60)]);
    expect(short.filter((event) => event.kind === "gap")).toEqual([]);
    expect(finals(short)).toHaveLength(6);
    const long = run([node, ...seconds(0, 15), ...seconds(3600, 3620)]);
    expect(long.filter((event) => event.kind === "gap")).toMatchObject([
      { gpuUuid: "GPU-0", window: { fromMs: 20_000, toMs: 3_590_000 } },
    ]);
    expect(finals(long)).toHaveLength(5);
  });

  it("closes windows on silence when time is said to go on", () => {
    const pipeline = make();
    [node, ...seconds(0, 10)].forEach((o) => pipeline.push(o));
    expect(pipeline.push({ kind: "tick", atMs: 12_999 })).toEqual([]);
    expect(pipeline.push({ kind: "tick", atMs: 13_000 })).toMatchObject([{ kind: "provisional" }]);
  });

  it("counts late, repeated and unlisted samples as drops", () => {
    const pipeline = make();
    for (const o of [node, gpu(1000), gpu(1000), gpu(500), gpu(2000, { gpu: 7 })]) pipeline.push(o);
    expect(pipeline.drops).toBe(3);
  });

  it("calls a resting device idle, and carries the mark of simulation to every slice", () => {
    const idle = finals(run([node, ...seconds(0, 21)]));
    expect(idle.map((result) => result.label)).toEqual(["idle", "idle"]);
    expect(idle[0]?.slices.map((s) => [ownerKey(s.owner), s.timeMs, s.simulated])).toEqual([
      ["idle", 10_000, true],
    ]);
  });

  it("goes on after a restart where the ledger ends, never before", () => {
    const resumed = (resumeAtMs: number | undefined) => {
      const pipeline = make({ resumeAtMs: () => resumeAtMs });
      const events = [node, ...seconds(7, 25)].flatMap((o) => pipeline.push(o));
      return finals([...events, ...pipeline.flush()]).map((result) => result.window.fromMs);
    };
    expect(resumed(undefined)).toEqual([0, 10_000, 20_000]);
    expect(resumed(10_000)).toEqual([10_000, 20_000]);
    expect(resumed(0)).toEqual([0, 10_000, 20_000]);
  });

  it("forgets what no window can need any more", () => {
    const pipeline = make();
    [node, ...seconds(0, 5000)].forEach((o) => pipeline.push(o));
    const track = Reflect.get(pipeline, "tracks").get(0);
    expect(track.samples.length).toBeLessThan(60);
    expect(track.intervals.length).toBeLessThan(25);
  });
});
