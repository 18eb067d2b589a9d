import { describe, expect, it } from "vitest";
import type { Observation } from "../../src/model/observation.ts";
import type { GpuSample } from "../../src/model/sample.ts";
import { HASHING, nodeOfOne, pipelineOfOne } from "./support/hashing.ts";

/** Two minutes of a training step after step, level and with its memory held. */
const TRAINING: Partial<GpuSample> = {
  gpuUtil: 1,
  powerWatts: 640,
  memUsedBytes: 60e9,
  pcieRxBytesPerSec: 1e9,
  smActive: 0.9,
  tensorActive: 0.5,
  dramActive: 0.4,
  intActive: 0.1,
  fp32Active: 0.1,
  fp64Active: 0,
};
const CHANGE_SECOND = 120;

/** The provisional labels of the windows, in order: what an alarm hears of first. */
function provisional(after: Partial<GpuSample>, pidAfter: number): string[] {
  const pipeline = pipelineOfOne();
  const labels: string[] = [];
  const push = (observation: Observation): void => {
    for (const event of pipeline.push(observation))
      if (event.kind === "provisional") labels.push(event.result.label);
  };
  push(nodeOfOne(1000));
  for (let second = 0; second <= 180; second += 1) {
    const isAfter = second > CHANGE_SECOND;
    const atMs = second * 1000;
    push({ kind: "gpu", gpu: 0, atMs, powerWatts: 640, ...(isAfter ? after : TRAINING) });
    const pid = isAfter ? pidAfter : 7;
    push({ kind: "processes", gpu: 0, atMs, list: [{ pid, startTimeMs: pid }] });
    push({ kind: "tick", atMs });
  }
  return labels;
}

describe("a search that begins where a training ran", () => {
  const before = CHANGE_SECOND / 10;

  it("is labelled in its very first window", () => {
    const labels = provisional(HASHING, 8);
    expect(labels.slice(1, before)).toEqual(Array(before - 1).fill("training-like"));
    expect(labels[before]).toBe("mining-like");
    expect(labels.slice(before)).toEqual(Array(6).fill("mining-like"));
  });

  it("is labelled in its first window even inside of the same process", () => {
    // The memory that it holds is another: that alone tells that other work began.
    expect(provisional(HASHING, 7)[before]).toBe("mining-like");
  });

  it("and a training that goes on is not", () => {
    expect(provisional(TRAINING, 7)).not.toContain("mining-like");
  });
});
