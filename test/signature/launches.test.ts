import { describe, expect, it } from "vitest";
import type { KernelLaunches, LaunchSample } from "../../src/model/sample.ts";
import { launchFeatures } from "../../src/signature/launches.ts";

const window = { fromMs: 0, toMs: 10_000 };
const traced = (
  list: readonly KernelLaunches[],
  more: Partial<LaunchSample> = {},
): LaunchSample => ({
  kind: "launches",
  atMs: 5000,
  windowSeconds: 2,
  pid: 1,
  list,
  ...more,
});

describe("the evenness of launches", () => {
  const list = [{ name: "a", count: 5000 }];
  const evenness = (...all: (readonly number[])[]): number | undefined =>
    launchFeatures(
      all.map((counts) => traced(list, { rhythm: { bucketSeconds: 0.01, counts } })),
      window,
    ).launchRegularity;
  const repeated = (pattern: readonly number[], times: number): number[] =>
    Array.from({ length: times }, () => pattern).flat();

  it("is 1 of a clock and 0 of bursts", () => {
    expect(evenness(repeated([20], 200))).toBe(1);
    expect(evenness(repeated([400, ...repeated([0], 19)], 10))).toBe(0);
  });

  it("lies between where some stretches hold half as many again", () => {
    expect(evenness(repeated([10, 20], 100))).toBeCloseTo(2 / 3);
  });

  it("is not lost in whole numbers of a few: stretches are joined until they hold some", () => {
    expect(evenness(repeated([1, 0, 0, 1, 0], 100))).toBe(1);
  });

  it("is not told of too few, of none, and of traces without a rhythm", () => {
    expect(evenness(repeated([10], 9))).toBeUndefined();
    expect(evenness(repeated([10], 10))).toBe(1);
    expect(evenness(repeated([0], 200))).toBeUndefined();
    expect(evenness([])).toBeUndefined();
    expect(launchFeatures([traced(list)], window).launchRegularity).toBeUndefined();
  });

  it("of several traces is their mean, by their launches", () => {
    const [clock, bursts] = [repeated([20], 200), repeated([400, ...repeated([0], 19)], 10)];
    expect(evenness(clock, bursts)).toBeCloseTo(0.5);
  });
});

describe("the launches of a window", () => {
  it("give a rate, a variety and the share of the most frequent kernel", () => {
    const list = [
      { name: "a", count: 30 },
      { name: "b", count: 8 },
      { name: "a", grid: [64], count: 2 },
    ];
    expect(launchFeatures([traced(list)], window)).toEqual({
      launchesPerSecond: 20,
      launchVariety: 3,
      launchTopShare: 0.75,
    });
  });

  it("are not judged by less than twenty", () => {
    expect(launchFeatures([traced([{ name: "a", count: 19 }])], window)).toEqual({});
    expect(launchFeatures([traced([{ name: "a", count: 20 }])], window)).toMatchObject({
      launchVariety: 1,
    });
  });

  it("belong to the window in which they were traced", () => {
    const at = (atMs: number) =>
      launchFeatures([traced([{ name: "a", count: 50 }], { atMs })], window);
    expect(at(0)).toEqual({});
    expect(at(1)).toMatchObject({ launchVariety: 1 });
    expect(at(10_000)).toMatchObject({ launchVariety: 1 });
    expect(at(10_001)).toEqual({});
  });

  it("have no rate where nobody said how long they were traced, and count nothing that was not counted", () => {
    const list = [{ name: "a", count: 40 }, { name: "b" }];
    expect(launchFeatures([traced(list, { windowSeconds: undefined })], window)).toEqual({
      launchesPerSecond: undefined,
      launchVariety: 1,
      launchTopShare: 1,
    });
  });

  it("of a process that invents names without end are told apart up to a bound", () => {
    const list = Array.from({ length: 10_000 }, (_, i) => ({ name: `k${i}`, count: 1 }));
    expect(launchFeatures([traced(list)], window).launchVariety).toBe(4096);
  });

  it("say nothing by their names", () => {
    const named = (name: string) => launchFeatures([traced([{ name, count: 50 }])], window);
    expect(named("ethash_search")).toEqual(named("sgemm"));
  });
});
