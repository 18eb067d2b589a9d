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
