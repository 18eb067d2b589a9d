import { describe, expect, test } from "vitest";
import { elapsedSeconds } from "../../src/probe/gpu-timer.ts";
import { summarize } from "../../src/probe/launches.ts";

describe("timestamps", () => {
  test("are nanoseconds", () => {
    expect(elapsedSeconds(1_000n, 2_000_001_000n)).toBe(2);
  });

  test("say nothing when they stand still, go backwards or are missing", () => {
    expect(elapsedSeconds(5n, 5n)).toBeUndefined();
    expect(elapsedSeconds(6n, 5n)).toBeUndefined();
    expect(elapsedSeconds(undefined, 5n)).toBeUndefined();
    expect(elapsedSeconds(5n, 6n)).toBe(1e-9);
  });
});

describe("a run's rate", () => {
  const launch = (dispatches: number, wallSeconds: number, gpuSeconds?: number) =>
    gpuSeconds === undefined
      ? { dispatches, wallSeconds }
      : { dispatches, wallSeconds, gpuSeconds };

  test("is the median of the device's own timings", () => {
    const launches = [launch(2, 9, 1), launch(2, 9, 2), launch(2, 9, 4)];
    expect(summarize(launches, 100)).toMatchObject({ ratePerSecond: 100, timing: "timestamp" });
  });

  test("leaves out launches without a device timing where others have one", () => {
    const launches = [launch(1, 50), launch(1, 50, 2), launch(1, 50)];
    expect(summarize(launches, 10)?.ratePerSecond).toBe(5);
  });

  test("is by the host's clock, and says so, where no launch was timed by the device", () => {
    expect(summarize([launch(1, 2), launch(1, 2)], 10)).toMatchObject({
      ratePerSecond: 5,
      timing: "wall",
    });
  });

  test("has a spread from four launches on", () => {
    const steady = launch(1, 1, 1);
    expect(summarize([steady, steady, steady], 1)?.rateSpread).toBeUndefined();
    expect(summarize([steady, steady, steady, steady], 1)?.rateSpread).toBe(0);
  });

  test("is absent where nothing took any time", () => {
    expect(summarize([], 1)).toBeUndefined();
    expect(summarize([launch(1, 0)], 1)).toBeUndefined();
  });
});
