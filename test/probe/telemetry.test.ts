import { describe, expect, test } from "vitest";
import { meanReadings } from "../../src/probe/telemetry.ts";

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
