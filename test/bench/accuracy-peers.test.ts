import { describe, expect, it } from "vitest";
import { forestShares, growForest } from "../../bench/accuracy/peers/forest.ts";
import { nearestNeighbours } from "../../bench/accuracy/peers/neighbours.ts";
import { leaveOneFamilyOut, type PeerRecording } from "../../bench/accuracy/peers/peers.ts";
import {
  floorRule,
  steadyRule,
  thresholdRule,
  varianceRule,
} from "../../bench/accuracy/peers/rules.ts";
import {
  MISSING,
  nineSignals,
  type PeerWindow,
  peerWindows,
} from "../../bench/accuracy/peers/signals.ts";
import { type Examples, growTree, leafOf, ranked } from "../../bench/accuracy/peers/tree.ts";
import type { Truth } from "../../bench/accuracy/truth.ts";
import { labelled } from "../../bench/accuracy/label.ts";
import type { GpuReadings, GpuSample } from "../../src/model/sample.ts";
import { type Label } from "../../src/model/label.ts";
import { seeded } from "../support/seeded.ts";

const best = (shares: readonly number[]): number => shares.indexOf(Math.max(...shares));

/** Two classes told apart by one column of three; the other two are noise. */
function toy(count: number, random: () => number): Examples {
  const rows = Array.from({ length: count }, () => [random(), random() * 10, random()]);
  const classes = rows.map((row) => ((row[1] ?? 0) > 4 ? 1 : 0));
  return { rows, classes, classCount: 2 };
}

describe("a tree", () => {
  it("finds the split that a table shows, half way between the values", () => {
    const examples = { rows: [[1], [2], [8], [9]], classes: [0, 0, 1, 1], classCount: 2 };
    const options = { columns: 1, minLeaf: 1, random: seeded(1) };
    const tree = growTree(ranked(examples), [0, 1, 2, 3], options);
    expect(tree).toEqual({ column: 0, below: 5, yes: { shares: [1, 0] }, no: { shares: [0, 1] } });
  });

  it("stops where nothing can be told apart, with the shares that are left", () => {
    const examples = { rows: [[1], [1], [1]], classes: [0, 1, 1], classCount: 2 };
    const options = { columns: 1, minLeaf: 1, random: seeded(1) };
    expect(leafOf(growTree(ranked(examples), [0, 1, 2], options), [1])).toEqual([1 / 3, 2 / 3]);
  });
});

describe("the random forest", () => {
  it("learns what one column tells, on rows it has not seen", () => {
    const forest = growForest(toy(300, seeded(1)), { trees: 20, seed: 5 });
    const unseen = toy(300, seeded(2));
    const right = unseen.rows.filter(
      (row, i) => best(forestShares(forest, row)) === unseen.classes[i],
    );
    expect(right.length).toBeGreaterThan(285);
  });

  it("learns nothing where there is nothing: no better than chance on noise", () => {
    const random = seeded(3);
    const noise = (): Examples => {
      const { rows } = toy(300, random);
      return { rows, classes: rows.map(() => (random() < 0.5 ? 0 : 1)), classCount: 2 };
    };
    const forest = growForest(noise(), { trees: 20, seed: 5 });
    const unseen = noise();
    const right = unseen.rows.filter(
      (row, i) => best(forestShares(forest, row)) === unseen.classes[i],
    );
    expect(right.length).toBeLessThan(200);
  });

  it("is the same for one seed and another for another", () => {
    const examples = toy(100, seeded(1));
    const grow = (seed: number) => growForest(examples, { trees: 5, seed });
    expect(grow(5)).toEqual(grow(5));
    expect(grow(6)).not.toEqual(grow(5));
  });

  it("gives shares that sum to 1", () => {
    const shares = forestShares(growForest(toy(50, seeded(1)), { trees: 7, seed: 1 }), [0, 4, 0]);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });
});

describe("nearest neighbours", () => {
  it("are near on each column's own scale", () => {
    const examples = {
      rows: [
        [0, 1e9],
        [0, 1.1e9],
        [1, 1e9],
        [1, 1.1e9],
      ],
      classes: [0, 0, 1, 1],
      classCount: 2,
    };
    expect(nearestNeighbours(examples, 2)([0.9, 1.05e9])).toEqual([0, 1]);
    expect(nearestNeighbours(examples, 2)([0.1, 1.05e9])).toEqual([1, 0]);
  });
});

const samples = (readings: readonly GpuReadings[]): GpuSample[] =>
  readings.map((each, i) => ({ kind: "gpu", atMs: 1000 * i, gpu: 0, ...each }));
const window = (readings: readonly GpuReadings[], truth?: Label): PeerWindow => ({
  gpu: 0,
  from: 0,
  to: 10,
  samples: samples(readings),
  truth,
  features: nineSignals(samples(readings)),
});

describe("what peers see", () => {
  it("is five statistics of each of nine signals, and what is missing is a value below all others", () => {
    const [mean, spread, least, most, middle, ...rest] = nineSignals(
      samples([{ gpuUtil: 0.2 }, { gpuUtil: 0.6 }]),
    );
    expect([mean, spread, least, most, middle]).toEqual(
      [0.4, 0.2, 0.2, 0.6, 0.4].map((value) => expect.closeTo(value, 12)),
    );
    expect(rest).toEqual(Array.from({ length: 40 }, () => MISSING));
  });

  it("is the readings that explain the window, and each reading is of one window", () => {
    const gpu = { index: 0, uuid: "GPU-1", model: "m" };
    const node = { kind: "node", node: "n", source: "s", simulated: false } as const;
    const readings = Array.from({ length: 41 }, (_, s) => ({
      kind: "gpu" as const,
      atMs: 1_800_000_000_000 + 1000 * s,
      gpu: 0,
      gpuUtil: 1,
    }));
    const observations = [{ ...node, intervalMs: 1000, gpus: [gpu] }, ...readings];
    const windows = peerWindows(observations, labelled(observations).results, []);
    expect(windows.map((each) => each.samples.length)).toEqual([10, 10, 10, 10]);
    expect(windows[0]?.samples[0]?.atMs).toBe(1_800_000_001_000);
  });
});

describe("rules of thumb", () => {
  const steady = { gpuUtil: 1, powerWatts: 300 };

  it.each([
    ["the floor", floorRule, "training-like"],
    ["thresholds", thresholdRule, "inference-like"],
    ["variance", varianceRule, "inference-like"],
    ["high and steady", steadyRule, "mining-like"],
  ] as const)(
    "%s: idle below 1 %%, unknown unmeasured, and its own word on steady work",
    (...[, rule, says]) => {
      expect(rule(window([{ gpuUtil: 0 }, { gpuUtil: 0.005 }]))).toBe("idle");
      expect(rule(window([{ powerWatts: 300 }]))).toBe("unknown");
      expect(rule(window([steady, steady]))).toBe(says);
    },
  );

  it("thresholds: power above 400 W, half of the activity on tensor cores, or beats on NVLink", () => {
    const watts = (powerWatts: number) => thresholdRule(window([{ gpuUtil: 1, powerWatts }]));
    expect([watts(400), watts(401)]).toEqual(["inference-like", "training-like"]);
    const tensor = (tensorActive: number) =>
      thresholdRule(window([{ gpuUtil: 1, smActive: 0.8, tensorActive }]));
    expect([tensor(0.4), tensor(0.41)]).toEqual(["inference-like", "training-like"]);
    const link = (low: number) =>
      thresholdRule(
        window([low, 8e9].map((nvlinkTxBytesPerSec) => ({ gpuUtil: 1, nvlinkTxBytesPerSec }))),
      );
    expect([link(7e9), link(0)]).toEqual(["inference-like", "training-like"]);
  });

  it("variance: power that swings means training; and it is not steady", () => {
    const swinging = window([100, 500].map((powerWatts) => ({ gpuUtil: 1, powerWatts })));
    expect([varianceRule(swinging), steadyRule(swinging)]).toEqual(["training-like", "unknown"]);
  });
});

describe("a peer that learns", () => {
  const truth = (family: string, label: Label): Truth => ({
    kind: "truth",
    gpu: 0,
    from: 0,
    to: 10,
    label,
    labels: undefined,
    family,
    pid: undefined,
  });
  const recording = (name: string, family: string, powerWatts: number): PeerRecording => ({
    name,
    families: new Set([family]),
    truths: [truth(family, "other")],
    windows: [window([{ gpuUtil: 1, powerWatts }], "other")],
  });

  it("never sees a row of the family that it is judged on", () => {
    const recordings = [
      recording("a", "render", 101),
      recording("b", "render", 102),
      recording("c", "sort", 201),
      recording("d", "fft", 301),
    ];
    const seen: number[][] = [];
    const judged: number[][] = [];
    const watts = (row: readonly number[]): number => row[15] ?? 0;
    leaveOneFamilyOut(recordings, ({ rows }) => {
      seen.push(rows.map(watts).sort());
      const own: number[] = [];
      judged.push(own);
      return (row) => {
        own.push(watts(row));
        return [0, 0, 0, 0, 1];
      };
    });
    expect(seen).toEqual([
      [101, 102, 201],
      [201, 301],
      [101, 102, 301],
    ]);
    expect(judged).toEqual([[301], [101, 102], [201]]);
  });

  it("knows nothing where no other family is left, and says so", () => {
    const pieces = leaveOneFamilyOut([recording("a", "render", 101)], () => () => [1]);
    expect(pieces).toMatchObject([{ said: "unknown", seconds: 10 }]);
  });
});
