import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GpuSample, ProcessSample, ProcessSighting } from "../../src/model/sample.ts";
import { DeviceContext } from "../../src/signature/context.ts";
import { PowerCourse } from "../../src/signature/lockstep.ts";
import { type ShareInput, shareFeatures } from "../../src/signature/share-features.ts";
import { signatureOf } from "../../src/signature/signature.ts";

const GB = 1e9;
const window = { fromMs: 110_000, toMs: 120_000 };
const ME = { pid: 10, startTimeMs: 1 };
const mine = (processes: ProcessSample[], more: Partial<ShareInput> = {}) =>
  shareFeatures({ window, processes, own: [ME], memoryBytes: 80 * GB, ...more });

const util = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
const sighting: fc.Arbitrary<ProcessSighting> = fc.record(
  {
    pid: fc.constantFrom(10, 11, 20, 30),
    startTimeMs: fc.constantFrom(1, 2, 119_000),
    ppid: fc.constantFrom(1, 5, 10, 20),
    smUtil: util,
    memUtil: util,
    memUsedBytes: fc.nat(40 * GB),
    exited: fc.boolean(),
  },
  { requiredKeys: ["pid"] },
);

describe("any lists at all", () => {
  const onePerPid = (maxLength: number) =>
    fc.uniqueArray(sighting, { selector: ({ pid }) => pid, maxLength });
  const seconds = fc.array(onePerPid(4), { maxLength: 30 });
  const toLists = (all: ProcessSighting[][]): ProcessSample[] =>
    all.map((list, i) => ({ kind: "processes", gpu: 0, atMs: window.toMs - i * 700, list }));

  it("give ratios, and the same ones in whatever order lists and processes come", () => {
    fc.assert(
      fc.property(seconds, onePerPid(5), (all, others) => {
        const host = { kind: "host" as const, atMs: 119_000, list: others };
        const own = [ME, { pid: 11, startTimeMs: 1 }];
        const found = mine(toLists(all), { own, host });
        const { burstsPerMinute, processCount, treeProcesses, ...ratios } = found;
        for (const value of Object.values(ratios).filter((each) => each !== undefined)) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        for (const value of [burstsPerMinute, processCount, treeProcesses])
          expect(value ?? 0).toBeGreaterThanOrEqual(0);
        const turned = toLists(all)
          .toReversed()
          .map((each) => ({ ...each, list: each.list.toReversed() }));
        const again = mine(turned, {
          own: own.toReversed(),
          host: { ...host, list: others.toReversed() },
        });
        expect(close(again)).toEqual(close(found));
      }),
    );
  });

  it("are those of the device for an owner who has it to himself", () => {
    const reading = fc.record({
      use: fc.integer({ min: 5, max: 100 }),
      memory: fc.integer({ min: 0, max: 100 }),
      bytes: fc.nat(80),
    });
    fc.assert(
      fc.property(fc.array(reading, { minLength: 10, maxLength: 10 }), (readings) => {
        const values = readings.map(({ use, memory, bytes }) => ({
          use: use / 100,
          memory: Math.min(use, memory) / 100,
          bytes: bytes * GB,
        }));
        fc.pre(values.reduce((sum, { use }) => sum + use, 0) >= 1);
        const at = (i: number) => window.fromMs + (i + 1) * 1000;
        const processes = values.map(({ use, memory, bytes }, i): ProcessSample => ({
          kind: "processes",
          gpu: 0,
          atMs: at(i),
          list: [{ ...ME, smUtil: use, memUtil: memory, memUsedBytes: bytes }],
        }));
        const samples = values.map(({ use, memory, bytes }, i): GpuSample => ({
          kind: "gpu",
          gpu: 0,
          atMs: at(i),
          gpuUtil: use,
          memUtil: memory,
          memUsedBytes: bytes,
        }));
        const device = ofDevice(samples);
        const share = mine(processes);
        for (const feature of [
          "gpuUtilSpread",
          "zeroUtilShare",
          "memPerUtil",
          "memUsedShare",
          "memHeldVariation",
        ] as const)
          expect(share[feature]).toBeCloseTo(device[feature] ?? Number.NaN);
      }),
    );
  });
});

function ofDevice(samples: readonly GpuSample[]) {
  const scale = { origin: "none" as const, memoryBytes: 80 * GB };
  const context = new DeviceContext(1000);
  for (const sample of samples) context.add(sample, "busy");
  return signatureOf({
    gpuUuid: "GPU-1",
    window,
    samples,
    busy: samples,
    power: new PowerCourse(1000),
    peers: [],
    // A sample at the very end of the window is in the bucket after it.
    context: context.course(window.toMs + 1000, scale),
    coveredMs: 10_000,
    scale,
  }).features;
}

/** Sums in another order differ in the last digits. */
function close(features: ReturnType<typeof shareFeatures>): unknown {
  return Object.fromEntries(
    Object.entries(features).map(([key, value]) => [
      key,
      value === undefined ? undefined : value.toFixed(9),
    ]),
  );
}
