import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GpuReadings } from "../../src/model/sample.ts";
import {
  correlation,
  EXACT,
  linesOf,
  mean,
  samples,
  sightings,
  textOf,
  truths,
} from "./support.ts";

const SMALL = {
  node: { name: "small", length: "20s", processes: "2s" },
  gpus: [{ model: "a100-40gb", count: 2 }],
  workloads: [
    { kind: "training", gpus: [0], from: "2s", step: "700ms", parameters: 5e8, launches: true },
    { kind: "inference", gpus: [1], startup: "3s", requestsPerSecond: 3 },
    { kind: "mining", gpus: [1], from: "10s", duty: { busy: "2s", pause: "2s" }, hidden: true },
  ],
};

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

describe("a simulation", () => {
  it("is the same bytes for the same spec and seed, on every machine", () => {
    const text = textOf(linesOf(SMALL));
    expect(textOf(linesOf(SMALL))).toBe(text);
    // If this changes, so does every recording that is made from a spec: say so where it is told.
    expect(digest(text)).toBe("35b6f3aa278f3ad3");
    expect(textOf(linesOf(SMALL, 2))).not.toBe(text);
  });

  it("says that it is simulated, and no setting turns that off", () => {
    const [header] = linesOf(SMALL);
    expect(header).toMatchObject({ kind: "node", simulated: true, source: "simulated" });
    for (const sly of [{ simulated: false }, { source: "nvml" }])
      expect(() => linesOf({ ...SMALL, node: { ...SMALL.node, ...sly } })).toThrow(
        /unknown setting/,
      );
  });

  it("is not moved in one part by what is added to another", () => {
    const alone = { ...SMALL, workloads: SMALL.workloads.slice(0, 1) };
    expect(samples(linesOf(alone), 0)).toEqual(samples(linesOf(SMALL), 0));
  });
});

const KINDS = [
  { kind: "training", parameters: 4e8, step: "600ms", checkpoint: { every: 3, length: "1s" } },
  {
    kind: "training",
    parameters: 4e8,
    step: "1s",
    offload: true,
    accumulate: 3,
    precision: "fp32",
  },
  ...["decode", "prefill", "steady", "diffusion", "cnn"].map((serving) => ({
    kind: "inference",
    serving,
    parameters: 1e9,
    promptTokens: 200,
    outputTokens: 20,
  })),
  ...["compute", "memory-hard", "random-math", "matmul"].map((algorithm) => ({
    kind: "mining",
    algorithm,
  })),
  ...["solver", "stencil", "copy", "render", "sort", "simulation"].map((program) => ({
    kind: "other",
    program,
  })),
  { kind: "idle" },
];
const DEVICES = ["h100-sxm", "h200-sxm", "a100-40gb", "a100-80gb", "rtx-4090", "l4", "t4"];

describe("what is conserved", () => {
  it.each(DEVICES)("energy is the integral of power on %s, whatever runs", (model) => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.integer({ min: 0, max: 99 }), (workload, seed) => {
        const lines = linesOf(
          {
            node: { length: "4s", interval: "10ms", jitter: "0s", processes: "1s" },
            gpus: [{ model, sensors: EXACT }],
            workloads: [{ ...workload, memory: "4GiB" }],
          },
          seed,
        );
        const list = samples(lines, 0);
        const joules = (list.at(-1)?.energyJoules ?? 0) - (list[0]?.energyJoules ?? 0);
        const integral = list
          .slice(1)
          .reduce((sum, { powerWatts = 0 }) => sum + powerWatts * 0.01, 0);
        expect(joules).toBeCloseTo(integral, 0);
      }),
      { numRuns: 6 },
    );
  });

  it("no ratio leaves 0..1 and no power the limit, but for the sensor's noise", () => {
    const gpus = KINDS.map(() => ({ model: "h100-sxm", powerLimitWatts: 500 }));
    const workloads = KINDS.map((workload, i) => ({ ...workload, gpus: [i], memory: "4GiB" }));
    const lines = linesOf({ node: { length: "8s", interval: "200ms" }, gpus, workloads });
    for (const i of KINDS.keys())
      for (const sample of samples(lines, i)) {
        expect(sample.powerWatts).toBeLessThanOrEqual(500 * (1 + 3.5 * 0.004));
        for (const [name, value] of ratios(sample)) {
          expect({ name, isRatio: value >= 0 && value <= 1 }).toEqual({ name, isRatio: true });
        }
      }
    // Control: something was held down, and something was not.
    const capped = [...KINDS.keys()].map((i) =>
      samples(lines, i).some(({ clockEventReasons }) => clockEventReasons === 4),
    );
    expect(new Set(capped)).toEqual(new Set([true, false]));
  });
});

function ratios(sample: GpuReadings): [string, number][] {
  return Object.entries(sample).filter((entry): entry is [string, number] =>
    /Util$|Active$|Occupancy$/.test(entry[0]),
  );
}

describe("processes that share a device", () => {
  const shared = linesOf({
    node: { length: "30s", processes: "5s" },
    gpus: [{ model: "h100-sxm" }],
    workloads: [
      { name: "hash", kind: "mining", owner: { pid: 100 } },
      { name: "train", kind: "training", step: "800ms", from: "10s", owner: { pid: 200 } },
      { name: "dark", kind: "other", program: "stencil", from: "20s", hidden: true },
    ],
  });

  it("get shares that never come to more than the whole, and as much as is used", () => {
    for (const { list } of sightings(shared, 0)) {
      const sum = list.reduce((all, { smUtil = 0 }) => all + smUtil, 0);
      expect(sum).toBeLessThanOrEqual(1.01);
    }
    const both = sightings(shared, 0).find(({ list }) => list.length === 2 && list[1]?.smUtil);
    expect(both?.list[0]?.smUtil).toBeCloseTo(0.5, 1);
    expect(
      sightings(shared, 0)
        .at(-1)
        ?.list.map(({ pid }) => pid),
    ).toEqual([100, 200]);
    expect(sightings(shared, 0).at(-1)?.list[0]?.smUtil).toBeCloseTo(1 / 3, 1);
  });

  it("are told of one by one in the truth, beside the device's own line", () => {
    const lines = truths(shared, 0).map(({ label, labels, pid }) => ({ label, labels, pid }));
    expect(lines.slice(0, 1)).toEqual([
      { label: "mining-like", labels: undefined, pid: undefined },
    ]);
    expect(lines.slice(1, 4)).toEqual([
      { label: "mining-like", labels: ["mining-like", "training-like"], pid: undefined },
      { label: "mining-like", labels: undefined, pid: 100 },
      { label: "training-like", labels: undefined, pid: 200 },
    ]);
    // The hidden one has a truth of its own though no list shows it.
    expect(lines).toHaveLength(8);
    for (const { family } of truths(shared, 0)) expect(family).toMatch(/^simulated-/);
  });

  it("cover the whole time with the device's lines, but for starting up", () => {
    const lines = linesOf({
      node: { length: "60s" },
      gpus: [{ model: "l4" }],
      workloads: [
        { kind: "inference", parameters: 1e9, from: "10s", to: "50s", startup: "5s", linger: "8s" },
      ],
    });
    const startMs = Date.UTC(2026, 0, 5, 9);
    const spans = truths(lines, 0).map(({ label, fromMs, toMs }) => [
      label,
      (fromMs - startMs) / 1000,
      (toMs - startMs) / 1000,
    ]);
    expect(spans).toEqual([
      ["idle", 0, 10],
      ["inference-like", 15, 42],
      ["idle", 42, 50],
      ["idle", 50, 60],
    ]);
  });
});

describe("a job on several devices", () => {
  const lines = linesOf({
    node: { length: "60s", interval: "100ms", processes: "0s" },
    gpus: [{ model: "h100-sxm", count: 4 }],
    workloads: [
      { name: "a", kind: "training", gpus: [0, 1], step: "1300ms", parameters: 2e9 },
      { name: "b", kind: "training", gpus: [2, 3], step: "900ms", parameters: 2e9 },
    ],
  });
  const power = (gpu: number): number[] =>
    samples(lines, gpu)
      .slice(50)
      .map(({ powerWatts }) => powerWatts ?? 0);

  it("moves in step, and two jobs do not", () => {
    expect(correlation(power(0), power(1))).toBeGreaterThan(0.7);
    expect(correlation(power(2), power(3))).toBeGreaterThan(0.7);
    expect(Math.abs(correlation(power(0), power(2)))).toBeLessThan(0.3);
  });

  it("goes no faster than its slowest device: the others wait for it, and exchange as much", () => {
    const slow = linesOf({
      node: { length: "40s" },
      gpus: [{ model: "h100-sxm", count: 2 }],
      workloads: [{ kind: "training", step: "1s" }],
      faults: { clockLimits: [{ gpu: 1, maxMHz: 900 }] },
    });
    const sum = (gpu: number, quantity: "nvlinkTxBytesPerSec" | "smActive"): number =>
      mean(samples(slow, gpu).map((sample) => sample[quantity] ?? 0));
    const exchanged = sum(0, "nvlinkTxBytesPerSec") / sum(1, "nvlinkTxBytesPerSec");
    expect(exchanged).toBeCloseTo(1, 1);
    expect(sum(0, "smActive")).toBeLessThan(sum(1, "smActive") * 0.8);
  });

  it("spins at full utilisation and low power while the first rank writes a checkpoint", () => {
    const checkpoint = { every: 10, length: "10s" };
    const stalled = linesOf({
      node: { length: "22s" },
      gpus: [{ model: "h100-sxm", count: 2 }],
      workloads: [{ kind: "training", step: "1s", checkpoint }],
    });
    const during = (gpu: number) => samples(stalled, gpu).slice(13, 19);
    for (const { gpuUtil, powerWatts } of during(1)) {
      expect(gpuUtil).toBe(1);
      expect(powerWatts).toBeLessThan(200);
    }
    for (const { gpuUtil, pcieTxBytesPerSec } of during(0)) {
      expect(gpuUtil).toBe(0);
      expect(pcieTxBytesPerSec).toBeGreaterThan(1e9);
    }
    expect(
      mean(
        samples(stalled, 1)
          .slice(3, 9)
          .map(({ powerWatts }) => powerWatts ?? 0),
      ),
    ).toBeGreaterThan(450);
  });
});
