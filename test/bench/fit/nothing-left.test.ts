import { describe, expect, it } from "vitest";
import { leaveOneFamilyOut } from "../../../bench/fit/evaluate.ts";
import type { LabelledWindow } from "../../../bench/labelled.ts";
import type { AssayError } from "../../../src/model/errors.ts";
import { BASE, labelledWindow, toyWindows } from "./windows.ts";

describe("leaving each family out", () => {
  it("refuses where a family takes all that there is with it", () => {
    const together = toyWindows({ familiesPerLabel: 2, windowsPerFamily: 2 }).map(
      (window): LabelledWindow => ({ ...window, recording: "all" }),
    );
    const told: string[] = [];
    let error: unknown;
    try {
      leaveOneFamilyOut(together, BASE, {}, (family) => told.push(family));
    } catch (cause) {
      error = cause;
    }
    expect(error).toMatchObject({ code: "fit/families", place: "all", exitCode: 2 });
    expect((error as AssayError).hint).toContain("one workload a recording");
    expect(told).toEqual([]);
    // What is left to fit on may not be only rest.
    const rest = labelledWindow({ family: "rest", label: "idle", features: {}, idleMs: 10_000 });
    expect(() => leaveOneFamilyOut([...together, rest], BASE)).toThrow("nothing is left");
  });
});
