import { describe, expect, it } from "vitest";
import { RecordingReader } from "../../../../src/collect/recording/read.ts";
import { RecordingSummarizer } from "../../../../src/collect/recording/summary/summary.ts";
import type { RecordingSummary } from "../../../../src/collect/recording/summary/types.ts";
import type { NodeObservation, Observation } from "../../../../src/model/observation.ts";
import { gpuLine, HEADER, plainFile, T0 } from "../support/files.ts";

async function summaryOf(
  lines: readonly object[],
  header: object = HEADER,
): Promise<RecordingSummary> {
  const summarizer = new RecordingSummarizer(new Set(["powerWatts"]));
  for await (const { observation } of new RecordingReader(plainFile([header, ...lines])))
    summarizer.add(observation);
  return summarizer.finish();
}

const at = (second: number): number => (T0 + second) * 1000;
const gap = (from: number, to: number, over: object = {}): object => {
  return { kind: "gap", source: "nvml", from: T0 + from, to: T0 + to, reason: "silent", ...over };
};

describe("the summary of a recording", () => {
  it("has the node, the span of all that has a time, and a device for each listed", async () => {
    const overhead = { readings: 5, meanMs: 1, maxMs: 2 };
    const lines = [gpuLine(1), gpuLine(2, 1), { kind: "host", t: T0 + 7, list: [] }];
    const summary = await summaryOf(lines, { ...HEADER, simulated: true, overhead });
    expect(summary).toMatchObject({ node: "n1", source: "nvml", simulated: true, overhead });
    expect([summary.fromMs, summary.toMs]).toEqual([at(1), at(7)]);
    expect(summary.devices.map(({ gpu, samples }) => [gpu.uuid, samples])).toEqual([
      ["GPU-a", 1],
      ["GPU-b", 1],
    ]);
  });

  it("of a bare header says that nothing has a time", async () => {
    const summary = await summaryOf([]);
    expect([summary.fromMs, summary.toMs]).toEqual([undefined, undefined]);
    expect(summary.devices[0]).toMatchObject({ samples: 0, intervals: undefined, quantities: [] });
    expect(() => new RecordingSummarizer(new Set()).finish()).toThrow(/without its node/);
  });

  it("counts what each quantity was in, and never takes absent for 0", async () => {
    const watts = [100, undefined, 300, null];
    const { devices } = await summaryOf(
      watts.map((powerWatts, i) => gpuLine(i, 0, { powerWatts })),
    );
    expect(devices[0]?.samples).toBe(4);
    expect(devices[0]?.quantities).toMatchObject([
      { quantity: "powerWatts", count: 2, min: 100, mean: 200, max: 300, first: 100, last: 300 },
    ]);
  });

  it("adds up what an energy counter grew by, over a restart too", async () => {
    const joules = [10, 15, 2, 4.5].map((energyJoules, i) => gpuLine(i, 0, { energyJoules }));
    const { devices } = await summaryOf(joules);
    expect(devices[0]?.quantities).toMatchObject([{ quantity: "energyJoules", grownBy: 7.5 }]);
  });

  it("takes a mask apart into its bits", async () => {
    const masks = [1, 5, 0, 2 ** 40].map((clockEventReasons, i) =>
      gpuLine(i, 0, { clockEventReasons }),
    );
    const { devices } = await summaryOf(masks);
    expect(devices[0]?.quantities[0]?.bits).toEqual([
      { bit: 0, count: 2 },
      { bit: 2, count: 1 },
      { bit: 40, count: 1 },
    ]);
  });

  it("keeps the course of the quantities that were asked for, and of no other", async () => {
    const { devices } = await summaryOf([gpuLine(0, 0, { powerWatts: 1, gpuUtil: 0.5 })]);
    const [gpuUtil, power] = devices[0]?.quantities ?? [];
    expect([gpuUtil?.quantity, gpuUtil?.points]).toEqual(["gpuUtil", undefined]);
    expect([power?.quantity, power?.points?.length]).toEqual(["powerWatts", 1]);
  });

  it("finds holes over three intervals, and whether a gap line tells of them", async () => {
    const seconds = [0, 1, 4, 7.001, 8, 20, 21, 40];
    const lines = [
      ...seconds.map((second) => gpuLine(second)),
      gap(9, 19),
      gap(30, 31, { gpu: 1 }),
    ];
    const { devices, gaps, gapCount } = await summaryOf(lines);
    const [device] = devices;
    expect(device?.holes).toEqual([
      { fromMs: at(4), toMs: at(7) + 1, announced: false },
      { fromMs: at(8), toMs: at(20), announced: true },
      { fromMs: at(21), toMs: at(40), announced: false },
    ]);
    expect([device?.holeCount, device?.holeMs]).toEqual([3, 3001 + 12_000 + 19_000]);
    expect(device?.intervals).toMatchObject({ maxMs: 19_000, p5Ms: 999 });
    expect([gaps.length, gapCount]).toEqual([2, 2]);
  });

  it("never calls less than 2 s a hole, however fast the sampling", async () => {
    const fast = { ...HEADER, intervalSeconds: 0.02 };
    const { devices } = await summaryOf(
      [0, 2, 4.001].map((second) => gpuLine(second)),
      fast,
    );
    expect(devices[0]?.holes.map(({ fromMs }) => fromMs)).toEqual([at(2)]);
  });

  it("tells processes apart by number, and an empty list from no list", async () => {
    const list = (t: number, ...pids: number[]): object => {
      return { kind: "processes", t: T0 + t, gpu: 0, list: pids.map((pid) => ({ pid })) };
    };
    const gone = { kind: "processes", t: T0 + 3, gpu: 0, list: [{ pid: 7, exited: true }] };
    const { devices } = await summaryOf([list(0), list(1, 5, 6), list(2, 5), gone]);
    expect(devices[0]?.processes).toEqual({
      lists: 4,
      emptyLists: 1,
      pids: 3,
      isLowerBound: false,
      mostAtOnce: 2,
      exited: 1,
    });
    expect(devices[1]?.processes).toMatchObject({ lists: 0, pids: 0 });
  });

  it("sums up drivers' buffers, health and what collectors say of themselves", async () => {
    const buffer = { kind: "samples", gpu: 0, signal: "power", unit: "W", from: T0 };
    const collector = { kind: "collector", name: "nvml", state: "ready", detail: "" };
    const { devices, collectors } = await summaryOf([
      { ...buffer, t: T0, offsetsMs: [0, 20, 40], values: [1, 2, 3] },
      { ...buffer, t: T0 + 1, offsetsMs: [500], values: [10] },
      { kind: "health", t: T0, gpu: 0, pcieReplays: 3, xids: [31] },
      { kind: "health", t: T0 + 1, gpu: 0, pcieReplays: 5, xids: [31, 79] },
      { ...collector, t: T0, readings: 1, failures: 0, drops: 0 },
      { ...collector, t: T0 + 1, readings: 9, failures: 1, drops: 2 },
    ]);
    expect(devices[0]?.buffers).toEqual([
      { signal: "power", unit: "W", lines: 2, values: 4, spacingMs: 20, min: 1, mean: 4, max: 10 },
    ]);
    expect(devices[0]?.health).toEqual({
      lines: 2,
      counts: { pcieReplays: { first: 3, last: 5 } },
      xids: new Map([
        ["31", 2],
        ["79", 1],
      ]),
    });
    expect(collectors).toEqual([
      { name: "nvml", state: "ready", detail: "", readings: 9, failures: 1, drops: 2, lines: 2 },
    ]);
  });

  it("follows a device by its uuid when its index changes", async () => {
    const { kind: _, version: __, ...node } = HEADER;
    const moved = [
      { index: 3, uuid: "GPU-a", model: "Model A" },
      { index: 0, uuid: "GPU-c", model: "Model C" },
    ];
    const change = { kind: "node", t: T0 + 1, ...node, gpus: moved };
    const { devices } = await summaryOf([
      gpuLine(0),
      change,
      gpuLine(1, 3),
      gpuLine(1),
      gpuLine(2),
    ]);
    expect(devices.map(({ gpu, samples }) => [gpu.uuid, gpu.index, samples])).toEqual([
      ["GPU-a", 3, 2],
      ["GPU-b", 1, 0],
      ["GPU-c", 0, 2],
    ]);
  });

  it("says how many devices it left out", async () => {
    const gpus = Array.from({ length: 130 }, (_, index) => ({
      index,
      uuid: `u${index}`,
      model: "",
    }));
    const summary = await summaryOf([gpuLine(0, 129), gpuLine(0, 127)], { ...HEADER, gpus });
    expect([summary.devices.length, summary.devicesLeftOut]).toEqual([128, 2]);
    expect(summary.devices[127]?.samples).toBe(1);
  });
});

describe("its memory", () => {
  it("does not grow with the recording: an hour of 8 GPUs at 10 Hz is a thousand points a device", () => {
    const gpus = Array.from({ length: 8 }, (_, index) => ({ index, uuid: `u${index}`, model: "" }));
    const node = { node: "n", source: "nvml", simulated: false, intervalMs: 100, gpus };
    const summarizer = new RecordingSummarizer(new Set(["powerWatts", "gpuUtil"]));
    summarizer.add({ kind: "node", ...node } satisfies NodeObservation);
    const sampleOf = (i: number): Observation => ({
      kind: "gpu",
      atMs: at(0) + Math.floor(i / 8) * 100,
      gpu: i % 8,
      powerWatts: i % 700,
      gpuUtil: (i % 100) / 100,
    });
    for (let i = 0; i < 288_000; i += 1) summarizer.add(sampleOf(i));
    const [device] = summarizer.finish().devices;
    expect(device?.samples).toBe(36_000);
    const points = device?.quantities.flatMap((quantity) => quantity.points ?? []) ?? [];
    expect(points.length).toBeLessThanOrEqual(2 * 512);
    expect(points.length).toBeGreaterThan(512);
  });
});
