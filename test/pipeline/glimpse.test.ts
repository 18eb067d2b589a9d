import { describe, expect, it } from "vitest";
import type { ProcessSample } from "../../src/model/sample.ts";
import type { WindowResult } from "../../src/pipeline/events.ts";
import { HASHING, nodeOfOne, pipelineOfOne } from "./support/hashing.ts";

/** The last window of so many readings of hashing, `intervalMs` apart. */
function lastOf(
  readings: number,
  {
    intervalMs = 1000,
    watts = (i: number) => 600 + (i % 3),
    argv = undefined as string[] | undefined,
  } = {},
): WindowResult | undefined {
  const pipeline = pipelineOfOne();
  let last: WindowResult | undefined;
  const push = (observation: Parameters<typeof pipeline.push>[0]): void => {
    for (const event of pipeline.push(observation)) if (event.kind === "final") last = event.result;
  };
  push(nodeOfOne(intervalMs));
  for (let i = 0; i <= readings; i += 1) {
    const atMs = i * intervalMs;
    const list: ProcessSample["list"] = argv ? [{ pid: 1, argv }] : [];
    // The first sample explains nothing: what it ends nobody saw begin.
    const rest = { gpuUtil: 0, powerWatts: 80 };
    push({ kind: "gpu", gpu: 0, atMs, ...(i === 0 ? rest : { ...HASHING, powerWatts: watts(i) }) });
    if (argv) push({ kind: "processes", gpu: 0, atMs, list });
  }
  for (const event of pipeline.flush()) if (event.kind === "final") last = event.result;
  return last;
}

const whyOf = (result: WindowResult | undefined) =>
  result?.evidence.find(({ feature }) => feature === "undecided")?.text;

describe("an accusation by telemetry alone", () => {
  it("takes five readings of work", () => {
    expect(lastOf(4)?.label).toBe("unknown");
    expect(whyOf(lastOf(4))).toContain("4 readings of work are a glimpse");
    expect(lastOf(5)?.label).toBe("mining-like");
  });

  it("is never made at one reading a minute, however long it lasts", () => {
    expect(lastOf(60, { intervalMs: 60_000 })?.label).toBe("unknown");
    expect(lastOf(60, { intervalMs: 5000 })?.label).toBe("mining-like");
  });

  it("needs none where two independent signs on a process decide", () => {
    const argv = ["/opt/t-rex", "-o", "stratum+tcp://pool:1", "--algo", "kawpow"];
    expect(lastOf(2, { argv })?.label).toBe("mining-like");
  });
});

describe("sensors of which not one moves", () => {
  const features = (watts: (i: number) => number) => lastOf(9, { watts })?.evidence ?? [];
  const names = (watts: (i: number) => number) => features(watts).map(({ feature }) => feature);

  it("are said to be still, and give no finding of stillness", () => {
    const still = names(() => 600);
    expect(still).toContain("still");
    expect(still).not.toContain("gpuUtilSpread");
    expect(still).not.toContain("memHeldVariation");
  });

  it("are not still where power moves in its last digit", () => {
    const moving = names((i) => 600 + 0.001 * (i % 2));
    expect(moving).not.toContain("still");
    expect(moving).toContain("gpuUtilSpread");
    expect(moving).toContain("memHeldVariation");
  });
});
