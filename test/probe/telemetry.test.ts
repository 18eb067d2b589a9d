import { describe, expect, test } from "vitest";
import { meanReadings, sampleDuring } from "../../src/probe/telemetry.ts";

describe("mean readings", () => {
  test("average each quantity over the readings that have it", () => {
    const means = meanReadings([{ powerWatts: 100, gpuUtil: 1 }, { powerWatts: 200 }, {}]);
    expect(means).toEqual({ powerWatts: 150, gpuUtil: 1 });
  });

  test("keep a measured 0 and leave out what was not measured", () => {
    expect(meanReadings([{ gpuUtil: 0, memUtil: undefined }])).toEqual({ gpuUtil: 0 });
    expect(meanReadings([])).toEqual({});
  });

  test("have no mean of a counter or a bit mask", () => {
    expect(meanReadings([{ energyJoules: 5, clockEventReasons: 4, tempC: 50 }])).toEqual({
      tempC: 50,
    });
  });
});

describe("sampling during work", () => {
  const sleep = (seconds: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, seconds * 1000));

  test("reads until the work ends, and hands back its result", async () => {
    let reads = 0;
    const sampling = {
      sleep,
      intervalSeconds: 0.01,
      read: async () => ({ powerWatts: ++reads }),
    };
    const { result, readings } = await sampleDuring(
      sampling,
      0,
      sleep(0.2).then(() => "done"),
    );
    expect(result).toBe("done");
    expect(readings[0]).toEqual({ powerWatts: 1 });
    const readsAtEnd = reads;
    await sleep(0.05);
    expect(reads).toBe(readsAtEnd);
  });

  test("drops a reading that comes back after the work has ended", async () => {
    const sampling = {
      sleep,
      intervalSeconds: 0.01,
      read: () => sleep(0.1).then(() => ({ powerWatts: 30 })),
    };
    const { readings } = await sampleDuring(sampling, 0, sleep(0.02));
    expect(readings).toEqual([]);
  });

  test("fails as the work fails", async () => {
    const sampling = { sleep, intervalSeconds: 0.01, read: async () => ({}) };
    const work = sleep(0.02).then(() => {
      throw new Error("gone");
    });
    await expect(sampleDuring(sampling, 0, work)).rejects.toThrow("gone");
  });
});
