import { describe, expect, it } from "vitest";
import { verdicts, verdictText } from "../../../bench/campaign/expectations.ts";
import type { Row } from "../../../bench/campaign/summary.ts";
import { table } from "../../../bench/campaign/table.ts";

const row = (workload: string, fields: Partial<Row> = {}): Row => ({
  workload,
  label: "other",
  family: workload,
  seconds: 24,
  samples: 240,
  sampledShare: 1,
  means: {},
  parts: [],
  unseenParts: 0,
  strangers: 0,
  recorderFailures: 0,
  recorderDrops: 0,
  ...fields,
});

const failed = (...rows: Row[]): string[] =>
  verdicts(rows)
    .filter(({ holds }) => holds === false)
    .map(({ workload, says }) => `${workload}: ${says}`);

const QUIET: Row["means"] = {
  gpuUtil: 0,
  smActive: 0,
  intActive: 0,
  tensorActive: 0,
  powerWatts: 70,
};
const HASHING: Row["means"] = {
  gpuUtil: 1,
  intActive: 0.8,
  memUtil: 0.01,
  dramActive: 0.01,
  tensorActive: 0,
};

describe("what is expected of recordings", () => {
  it.each([
    ["idle", row("idle", { label: "idle", means: QUIET })],
    ["hashing", row("sha256d", { means: HASHING, powerCv: 0.01 })],
    [
      "a duty cycle",
      row("d", { duty: 0.3, means: { gpuUtil: 0.31 }, powerCv: 0.5, onWatts: 400, offWatts: 90 }),
    ],
  ])("holds of %s as it should be", (_, good) => {
    expect(failed(good)).toEqual([]);
  });

  it.each([
    ["idle", row("idle", { label: "idle", means: { ...QUIET, gpuUtil: 0.2 } })],
    ["sha256d", row("sha256d", { means: { ...HASHING, tensorActive: 0.2 }, powerCv: 0.01 })],
    [
      "d",
      row("d", { duty: 0.3, means: { gpuUtil: 0.9 }, powerCv: 0.5, onWatts: 400, offWatts: 90 }),
    ],
    ["counter", row("counter", { means: { powerWatts: 300 }, energyWatts: 200 })],
    ["slow", row("slow", { sampledShare: 0.8 })],
    ["hidden", row("hidden", { parts: [{ label: "other" }], unseenParts: 1 })],
    ["shared", row("shared", { strangers: 1 })],
  ])("names %s where it is not so", (name, bad) => {
    const [only, ...more] = failed(bad);
    expect(only).toMatch(new RegExp(`^${name}: `));
    expect(more).toEqual([]);
  });

  it("says nothing of what was not measured", () => {
    const [first] = verdicts([row("idle", { label: "idle" })]);
    expect(first?.holds).toBeUndefined();
    expect(verdictText(verdicts([row("idle", { label: "idle" })]))).toMatch(
      /2 of 4 .*, 2 cannot be told/,
    );
  });

  it("compares recordings with each other where both are there", () => {
    const idle = row("idle", { label: "idle", means: QUIET });
    const hold = row("hold-60gb", {
      label: "idle",
      memUsedGB: 60.5,
      means: { ...QUIET, powerWatts: 40 },
    });
    expect(failed(idle, hold)).toHaveLength(1);
    expect(failed(idle, { ...hold, means: { ...QUIET, powerWatts: 75 } })).toEqual([]);
  });

  it("is shown with a dash for what was not measured, never with 0", () => {
    const [, line = ""] = table([row("x", { means: { gpuUtil: 0 } })]).split("\n");
    expect(line.split(/\s+/)).toEqual(["x", "other", "-", "-", "0.00", ...Array(9).fill("-"), "-"]);
  });
});
