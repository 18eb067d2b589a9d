import fc from "fast-check";
import { PowerCourse } from "../../src/signature/lockstep.ts";
import { describe, expect, it } from "vitest";
import {
  decide,
  scaleEvidence,
  telemetryEvidence,
  unweighedEvidence,
} from "../../src/classify/score.ts";
import { loadShippedData } from "../../src/config/data.ts";
import type { Calibration } from "../../src/model/calibration.ts";
import type { GpuSample } from "../../src/model/sample.ts";
import {
  compareWithReferences,
  coordinate,
  hungriest,
  type Levels,
  referenceScale,
} from "../../src/signature/references.ts";
import { deviceScale } from "../../src/signature/scale.ts";
import { signatureOf } from "../../src/signature/signature.ts";

const calibration = (kernel: string, telemetry: Record<string, number>, over: object = {}) =>
  ({
    gpuUuid: "GPU-1",
    adapter: "a",
    deviceMatch: "pid-and-memory",
    kernel,
    family: kernel.startsWith("mat") ? "matmul" : kernel.startsWith("mem") ? "memory" : "hash",
    atMs: 1000,
    durationSeconds: 1,
    ratePerSecond: 1,
    unit: "hash/s",
    software: false,
    telemetry,
    baseline: { powerWatts: 100, smClockMHz: 300, dramActive: 0, intActive: 0 },
    ...over,
  }) satisfies Calibration;

const HASH = { powerWatts: 400, smClockMHz: 1900, dramActive: 0, intActive: 0.9 };
const MATMUL = { powerWatts: 700, smClockMHz: 1700, dramActive: 0.2, intActive: 0.1 };
const MEMORY = { powerWatts: 500, smClockMHz: 1900, dramActive: 0.95, intActive: 0.1 };
const ALL = [
  calibration("sha256d", HASH),
  calibration("matmul-f32", MATMUL),
  calibration("memory-triad", MEMORY),
];
const scaleOf = (calibrations: readonly Calibration[]) => {
  const scale = referenceScale(calibrations);
  if (!scale) throw new Error("no scale");
  return scale;
};
const scale = scaleOf(ALL);
const kernel = (name: string) => {
  const found = scale.kernels.find((each) => each.kernel === name);
  if (!found) throw new Error(name);
  return found;
};
const nearest = (levels: Levels) => compareWithReferences(scale, levels).map((c) => c.kernel)[0];

describe("a coordinate", () => {
  it("is 0 at the device's rest, 1 at the kernel's reference, and goes on beyond both", () => {
    const at = (watts: number) => coordinate(scale, kernel("sha256d"), "powerWatts", watts);
    expect([100, 250, 400, 700, 85].map(at)).toEqual([0, 0.5, 1, 2, -0.05]);
  });

  it("is not there where nothing was measured, or the kernel hardly moves the quantity", () => {
    expect(coordinate(scale, kernel("sha256d"), "powerWatts", undefined)).toBeUndefined();
    expect(coordinate(scale, kernel("sha256d"), "tensorActive", 0.5)).toBeUndefined();
    expect(coordinate(scale, kernel("sha256d"), "dramActive", 0.5)).toBeUndefined();
  });

  it.each([
    [104.9, undefined],
    [105, 1],
  ])(
    "needs a range beyond a sensor's noise: a reference of %s W over 100 W of rest",
    (watts, at) => {
      const small = scaleOf([calibration("sha256d", { powerWatts: watts })]);
      const [reference] = small.kernels;
      expect(reference && coordinate(small, reference, "powerWatts", watts)).toBe(at);
    },
  );
});

describe("the distance to the reference kernels", () => {
  it("is nothing for the very same readings, and that kernel comes first", () => {
    for (const [name, levels] of Object.entries({
      sha256d: HASH,
      "matmul-f32": MATMUL,
      "memory-triad": MEMORY,
    })) {
      const [first] = compareWithReferences(scale, levels);
      expect(first).toMatchObject({ kernel: name, distance: 0, quantities: 4 });
    }
  });

  it("ranks work by what it is like, not by its power alone", () => {
    // As much power as the memory kernel, but integers instead of memory.
    expect(nearest({ ...HASH, powerWatts: 500 })).toBe("sha256d");
    expect(nearest({ ...HASH, powerWatts: 500, intActive: 0.1, dramActive: 0.9 })).toBe(
      "memory-triad",
    );
  });

  it("compares only what both have, and nothing by a single quantity", () => {
    const [first] = compareWithReferences(scale, { powerWatts: 400, intActive: 0.9 });
    expect(first).toMatchObject({ kernel: "sha256d", distance: 0, quantities: 2 });
    expect(compareWithReferences(scale, { powerWatts: 400 })).toEqual([]);
    expect(compareWithReferences(scale, {})).toEqual([]);
  });

  it("and the coordinates are the same on two devices that differ in watts and clocks only", () => {
    const factor = fc.double({ min: 0.5, max: 4, noNaN: true });
    const shift = fc.double({ min: 0, max: 500, noNaN: true });
    const watts = fc.double({ min: 0, max: 1000, noNaN: true });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(factor, shift, watts, share, (by, plus, powerWatts, intActive) => {
        const moved = (levels: Record<string, number>) => ({
          ...levels,
          powerWatts: (levels["powerWatts"] ?? 0) * by + plus,
        });
        const other = scaleOf(
          ALL.map((each) => ({
            ...each,
            telemetry: moved(each.telemetry),
            baseline: moved(each.baseline),
          })),
        );
        const here = compareWithReferences(scale, { powerWatts, intActive });
        const there = compareWithReferences(other, moved({ powerWatts, intActive }));
        const distances = (list: typeof here) =>
          new Map(list.map((each) => [each.kernel, each.distance]));
        for (const [name, distance] of distances(here))
          expect(distances(there).get(name)).toBeCloseTo(distance, 6);
        for (const [i, reference] of scale.kernels.entries()) {
          const twin = other.kernels[i];
          const one = coordinate(scale, reference, "powerWatts", powerWatts);
          const two = twin && coordinate(other, twin, "powerWatts", powerWatts * by + plus);
          if (one === undefined) expect(two).toBeUndefined();
          else expect(two).toBeCloseTo(one, 6);
        }
      }),
    );
  });
});

describe("the scale of references", () => {
  it("takes the lowest rest it saw: clocks and power fall slowly", () => {
    const late = calibration("keccak256", HASH, { baseline: { powerWatts: 80 } });
    expect(scaleOf([...ALL, late]).idle).toMatchObject({ powerWatts: 80, smClockMHz: 300 });
  });

  it("knows no software adapter, and is not there without a calibration", () => {
    expect(referenceScale([calibration("sha256d", HASH, { software: true })])).toBeUndefined();
    expect(referenceScale([])).toBeUndefined();
  });

  it("reads records of the first version, which name no family", () => {
    const old = { ...calibration("matmul-f32", MATMUL), family: undefined };
    expect(scaleOf([old]).kernels[0]?.family).toBe("matmul");
  });

  it("speaks for a family by the kernel that draws most", () => {
    const two = scaleOf([...ALL, calibration("keccak256", { powerWatts: 450 })]);
    expect(hungriest(two, "hash")?.kernel).toBe("keccak256");
    expect(hungriest(two, "alu")).toBeUndefined();
  });
});

describe("a window of a calibrated device", () => {
  const gpu = { index: 0, uuid: "GPU-1", model: "NVIDIA H100 80GB HBM3" };
  const samples = Array.from({ length: 10 }, (_, i): GpuSample => ({
    kind: "gpu",
    gpu: 0,
    atMs: (i + 1) * 1000,
    gpuUtil: 1,
    ...HASH,
  }));
  const sign = (calibrations: readonly Calibration[], busy: readonly GpuSample[] = samples) =>
    signatureOf({
      gpuUuid: "GPU-1",
      window: { fromMs: 0, toMs: 10_000 },
      samples,
      busy,
      power: new PowerCourse(1000),
      peers: [],
      coveredMs: 10_000,
      scale: deviceScale(gpu, [{ model: "NVIDIA H100*", boardPowerWatts: 700 }], calibrations),
    });

  it("says how near it is to each kernel, and its power on each family's scale", () => {
    const { features, references, scale: origin } = sign(ALL);
    expect(origin).toBe("calibrated");
    expect(references?.[0]?.kernel).toBe("sha256d");
    expect(references?.[0]?.distance).toBeCloseTo(0, 9);
    expect(features.powerVsHash).toBe(1);
    expect(features.powerVsMatmul).toBe(0.5);
    expect(features.powerVsMemory).toBe(0.75);
  });

  it("shows that as evidence that weighs nothing", () => {
    const [evidence] = scaleEvidence(sign(ALL));
    expect(evidence).toMatchObject({ family: "context", value: "sha256d", weights: {} });
    expect(evidence?.text).toContain("sha256d 0.00");
  });

  it("shows the features that no weight was fitted for, and only those", () => {
    const model = loadShippedData().model;
    const [evidence] = unweighedEvidence(sign(ALL), model);
    expect(evidence?.text).toContain("powerVsMatmul 0.500");
    expect(evidence?.text).not.toContain("powerLevel");
    expect(evidence).toMatchObject({ family: "context", weights: {} });
    expect(unweighedEvidence({ ...sign([]), features: { gpuUtil: 1 } }, model)).toEqual([]);
  });

  it("is not taken for better known by what only tells of the scale", () => {
    const model = loadShippedData().model;
    const signature = sign(ALL);
    const weighty = { "mining-like": 6, other: 0, "training-like": 0, "inference-like": 0 };
    const context = [...scaleEvidence(signature), ...unweighedEvidence(signature, model)];
    const { minFeatures } = model.decision;
    const telemetry = telemetryEvidence(signature, model).slice(0, minFeatures - 1);
    expect(decide(weighty, [...telemetry, ...context], model).label).toBe("unknown");
    const enough = telemetryEvidence(signature, model).slice(0, minFeatures);
    expect(decide(weighty, [...enough, ...context], model).label).toBe("mining-like");
  });

  it("says so where it was never calibrated, and where it was not busy", () => {
    const never = sign([]);
    expect(never.references).toBeUndefined();
    expect(never.features.powerVsHash).toBeUndefined();
    expect(scaleEvidence(never)[0]?.text).toContain("never calibrated");
    expect(sign(ALL, []).references).toBeUndefined();
  });

  it("takes the highest reference for the limit where no table knows the model", () => {
    const unknown = deviceScale({ ...gpu, model: "Abacus" }, [], ALL);
    expect(unknown).toMatchObject({ origin: "calibrated", fullPowerWatts: 700 });
    expect(unknown.maxSmClockMHz).toBe(1900);
  });
});
