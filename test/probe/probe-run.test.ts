import { describe, expect, it } from "vitest";
import { sha256dKernel } from "../../src/probe/kernels/sha256d.ts";
import { matmulF32Kernel } from "../../src/probe/kernels/matmul-f32.ts";
import type { Kernel } from "../../src/probe/kernels/kernel.ts";
import { ProbeBaselines } from "../../src/probe/probe-baselines.ts";
import { observationOf, type ProbeMeasure, timed } from "../../src/probe/probe-measure.ts";
import { chooseProbes } from "../../src/probe/probe-run.ts";
import { adapterDescription } from "../support/adapter.ts";

const adapter = adapterDescription({ vendor: "nvidia", description: "Test GPU" });

const kernel = (name: string, over: Partial<Kernel>): Kernel => ({
  ...sha256dKernel,
  name,
  ...over,
});
const namesOf = (kernels: readonly Kernel[]): string[] =>
  chooseProbes(kernels, adapter).map(({ resource, kernel: { name } }) => `${resource} ${name}`);

describe("the kernels of a probe", () => {
  const alu = kernel("alu-f32", { family: "alu", measures: "f32-flop" });
  const triad = kernel("memory-triad", { family: "memory", measures: "memory-byte" });
  const gather = kernel("memory-gather", { family: "memory", measures: "gather-byte" });
  const int32 = kernel("alu-int32", { family: "alu", measures: "int32-op" });

  it("are one for each resource, whatever their order in the list", () => {
    const all = [sha256dKernel, int32, gather, matmulF32Kernel, triad, alu];
    const chosen = ["alu alu-f32", "memory memory-triad", "gather memory-gather"];
    expect(namesOf(all)).toEqual(chosen);
    expect(namesOf(all.toReversed())).toEqual(chosen);
  });

  it("are what comes next where one is missing or the adapter lacks something for it", () => {
    const unable = { ...alu, lacks: () => "a feature" };
    expect(namesOf([unable, int32])).toEqual(["alu alu-int32"]);
    expect(namesOf([matmulF32Kernel, sha256dKernel])).toEqual(["alu sha256d"]);
    expect(namesOf([])).toEqual([]);
  });
});

const pass = (beginSeconds: number, endSeconds: number) => ({ beginSeconds, endSeconds });

describe("a run that was timed", () => {
  it("is told by the device's clock: passes, gaps between them, the first against the others", () => {
    const passes = [pass(0, 3), pass(4, 5), pass(5, 6)];
    expect(timed({ wallSeconds: 10, passes }, 3)).toEqual({
      timing: "timestamp",
      passes: 3,
      durationSeconds: 5,
      wallSeconds: 10,
      overheadSeconds: 4,
      gapSeconds: 1,
      firstPassRatio: 3,
      fastestPassSeconds: 1,
    });
  });

  it.each([
    ["without timestamps", undefined],
    ["where one pass has none that can be true", [pass(0, 3), undefined, pass(5, 6)]],
  ])("costs the host's whole wait %s, and says nothing of gaps", (_, passes) => {
    const run = timed(passes ? { wallSeconds: 10, passes } : { wallSeconds: 10 }, 3);
    expect(run).toEqual({
      timing: "wall",
      passes: 3,
      durationSeconds: 10,
      wallSeconds: 10,
      overheadSeconds: 10,
    });
  });
});

const measure = (over: Partial<ProbeMeasure> = {}): ProbeMeasure => ({
  kernel: "alu-f32",
  resource: "alu",
  work: 100,
  passes: 4,
  timing: "timestamp",
  durationSeconds: 2e-3,
  wallSeconds: 5e-3,
  overheadSeconds: 3e-3,
  gapSeconds: 0,
  firstPassRatio: 1.5,
  fastestPassSeconds: 4e-4,
  isFirst: false,
  ...over,
});

describe("the idle device's runs", () => {
  const noted = (...runs: readonly Partial<ProbeMeasure>[]): ProbeBaselines => {
    const baselines = new ProbeBaselines();
    for (const run of runs) baselines.note(measure(run));
    return baselines;
  };

  it("give a baseline from the third on: the fastest run, and the median wait around one", () => {
    const slow = { durationSeconds: 4e-3, overheadSeconds: 1e-3, fastestPassSeconds: 9e-4 };
    expect(noted({}, slow).of(measure())).toBeUndefined();
    expect(noted({}, slow, slow).of(measure())).toEqual({
      durationSeconds: 2e-3,
      overheadSeconds: 1e-3,
      fastestPassSeconds: 4e-4,
    });
  });

  it("are kept apart by kernel and clock, and the first on a device is none of them", () => {
    const three = noted({}, {}, {});
    expect(three.has("alu-f32")).toBe(true);
    expect(three.has("memory-triad")).toBe(false);
    expect(three.of(measure({ timing: "wall" }))).toBeUndefined();
    expect(noted({}, {}, { isFirst: true }).has("alu-f32")).toBe(false);
  });

  it("are forgotten one by one, so that a device may change", () => {
    const many = noted({ durationSeconds: 1e-6 }, ...Array.from({ length: 64 }, () => ({})));
    expect(many.of(measure())?.durationSeconds).toBe(2e-3);
  });
});

describe("what is told of a run", () => {
  const at = { atMs: 7, gpu: 0, pid: 42 };
  const baseline = { durationSeconds: 1e-3, overheadSeconds: 1e-3, fastestPassSeconds: 2e-4 };

  it("is its wait beyond that of the idle device, and both durations", () => {
    expect(observationOf(measure(), baseline, at)).toMatchObject({
      kind: "probe",
      ...at,
      durationSeconds: 2e-3,
      baselineSeconds: 1e-3,
      baselinePassSeconds: 2e-4,
      queueSeconds: 2e-3,
    });
    const quick = observationOf(measure({ overheadSeconds: 0 }), baseline, at);
    expect(quick.queueSeconds).toBe(0);
  });

  it("has no wait and nothing to compare with where the idle device was never measured", () => {
    const { queueSeconds, baselineSeconds } = observationOf(measure(), undefined, at);
    expect([queueSeconds, baselineSeconds]).toEqual([undefined, undefined]);
  });

  it("is the bare cost of a kernel's first run, which compiles and fills caches", () => {
    const first = observationOf(measure({ isFirst: true }), baseline, at);
    expect(first).toMatchObject({ durationSeconds: 2e-3 });
    expect(first.queueSeconds ?? first.baselineSeconds ?? first.firstPassRatio).toBeUndefined();
  });
});
