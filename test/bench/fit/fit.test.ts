import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelsBy, leaveOneFamilyOut, piecesOf } from "../../../bench/fit/evaluate.ts";
import { fitModel } from "../../../bench/fit/fit.ts";
import { figuresOf } from "../../../bench/accuracy/figures.ts";
import type { LabelledWindow } from "../../../bench/labelled.ts";
import { type EvidenceModel, evidenceModelSchema } from "../../../src/classify/evidence-model.ts";
import { scoresOf } from "../../../src/classify/score.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import { seeded } from "../../support/seeded.ts";
import { BASE, type Features, KINDS, labelledWindow, toyWindows, weightsOf } from "./windows.ts";

const shuffled = <T>(items: readonly T[], seed: number): T[] => {
  const random = seeded(seed);
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
};

const bytes = (model: EvidenceModel): string => JSON.stringify(model);

describe("a fit", () => {
  const windows = toyWindows();
  const model = fitModel(windows, BASE);

  it("gives the same bytes for the same windows, in any order", () => {
    // More windows of a family than are looked at: which ones must not be up to the order.
    const many = toyWindows({ windowsPerFamily: 50, noise: 0.3 });
    const text = bytes(fitModel(many, BASE));
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(bytes(fitModel(shuffled(many, seed), BASE))).toBe(text);
      }),
      { numRuns: 3 },
    );
    // Control: one value more or less is another model.
    expect(bytes(fitModel(windows.slice(1), BASE))).not.toBe(bytes(model));
  });

  it("is a model that the program reads, and comes back from text as it was", () => {
    expect(evidenceModelSchema.parse(JSON.parse(bytes(model)))).toEqual(model);
    expect(model.version).toBe("physics-toy-fitted");
    expect(model.activity).toEqual(BASE.activity);
    expect(model.prior).toEqual(BASE.prior);
  });

  it("learns what tells the labels apart, with the right sign", () => {
    const tensor = weightsOf(model, "tensorActive", 0.8)?.weights;
    expect(tensor?.["training-like"]).toBeGreaterThan(0.3);
    expect(tensor?.["mining-like"]).toBeLessThan(-0.1);
    expect(weightsOf(model, "tensorActive", 0.03)?.weights["mining-like"]).toBeGreaterThan(0.3);
    expect(weightsOf(model, "intActive", 0.8)?.weights["mining-like"]).toBeGreaterThan(1);
  });

  it("explains each weight by the families that it was learnt from, and by physics", () => {
    expect(weightsOf(model, "intActive", 0.8)?.reason).toBe(
      "in 4 of 4 mining-like families (minin-0, minin-1 and 2 more); physics: integer units dominate",
    );
    expect(weightsOf(model, "tensorActive", 0.8)?.reason).toMatch(
      /^in \d of 4 training-like families \(.*\), in 0 of 4 mining-like families$/,
    );
  });

  it("recognises further windows of the same kinds, better than the physics that it began with", () => {
    const fresh = toyWindows({ seed: 99 });
    const [fitted, physics] = [model, BASE].map((each) => figuresOf(piecesOf(each, fresh)));
    expect(fitted?.accuracy).toBeGreaterThan(0.75);
    expect(fitted?.falseMiningSeconds).toBe(0);
    expect(physics?.accuracy).toBeLessThan(0.5);
  });

  it("says that it was simulated where any window was", () => {
    const [first, ...others] = toyWindows();
    const simulated = { ...first?.result, simulated: true } as LabelledWindow["result"];
    const some = [{ ...first, result: simulated } as LabelledWindow, ...others];
    expect(fitModel(some, BASE).version).toBe("physics-toy-fitted-simulated");
  });

  it("says what it was fitted on and what it began from, and not what that one says of itself", () => {
    const { origin } = fitModel(windows, {
      ...BASE,
      origin: "Set from physics; fitted to nothing.",
    });
    expect(origin).toContain("4 training-like, 4 inference-like, 4 mining-like, 4 other");
    expect(origin).toContain("the physics of physics-toy");
    expect(origin).not.toContain("fitted to nothing");
  });

  it("does not start from another fit", () => {
    const fitted = {
      recordings: [],
      simulated: false,
      gpuSeconds: 1,
      leaveOneFamilyOut: { accuracy: 1, macroF1: 1, unknown: 0, falseMiningSeconds: 0 },
    };
    expect(() => fitModel(windows, { ...BASE, fitted })).toThrow("physics-toy was fitted itself");
  });
});

describe("what does not count in a fit", () => {
  const windows = toyWindows();
  const model = bytes(fitModel(windows, BASE));

  it("is how long a family ran, or on how many devices in step", () => {
    const isLong = ({ family }: LabelledWindow) => family === "train-1" || family === "other-0";
    const copies = windows.filter(isLong).flatMap((window) =>
      Array.from({ length: 9 }, (_, gpu) => ({
        ...window,
        recording: `${window.recording}-copy-${gpu}`,
      })),
    );
    expect(bytes(fitModel([...windows, ...copies], BASE))).toBe(model);
    // Control: the same copies as families of their own do count.
    const families = copies.map((window) => ({ ...window, family: window.recording }));
    expect(bytes(fitModel([...windows, ...families], BASE))).not.toBe(model);
  });

  it.each([
    ["rest", { idleMs: 9500 }],
    ["half of this and half of that", { truthSeconds: { other: 5, "mining-like": 5 } as const }],
    ["a window whose truth is mostly missing", { truthSeconds: { other: 2 } as const }],
    ["idle by its truth", { label: "idle" as const }],
  ])("is %s", (_, more) => {
    const odd = { family: "odd", label: "other" as const, features: { intActive: 0.99 } };
    expect(bytes(fitModel([...windows, labelledWindow({ ...odd, ...more })], BASE))).toBe(model);
    // Control: the same window of busy, pure, known work does.
    expect(bytes(fitModel([...windows, labelledWindow(odd)], BASE))).not.toBe(model);
  });

  it("is a value that was not measured, or is no number", () => {
    const withNaN = windows.map((window) => {
      const { result } = window;
      const features = { ...result.signature.features, memUtil: Number.NaN };
      return { ...window, result: { ...result, signature: { ...result.signature, features } } };
    });
    expect(bytes(fitModel(withNaN, BASE))).toBe(model);
  });

  it("is all there is without any window: the physics comes back as it was", () => {
    expect(fitModel([], BASE)).toBe(BASE);
  });
});

describe("physics", () => {
  it("stays in every weight and word of a feature that nobody measured", () => {
    const model = fitModel(toyWindows(), BASE);
    const fp64 = ({ features }: EvidenceModel) =>
      features.find(({ feature }) => feature === "fp64Active");
    expect(fp64(model)).toEqual(fp64(BASE));
    // Control: the feature that was measured moved.
    expect(weightsOf(model, "intActive", 0.8)).not.toEqual(weightsOf(BASE, "intActive", 0.8));
  });

  it("stays where one family alone measured a feature: that tells a device, not work", () => {
    const windows = toyWindows();
    const one = windows.map((window) => {
      if (window.family !== "minin-0") return window;
      const { result } = window;
      const features = { ...result.signature.features, fp64Active: 0.4 };
      return { ...window, result: { ...result, signature: { ...result.signature, features } } };
    });
    expect(weightsOf(fitModel(one, BASE), "fp64Active", 0.4)).toEqual(
      weightsOf(BASE, "fp64Active", 0.4),
    );
  });

  it("wins where the labels have nothing to do with the values", () => {
    const random = seeded(5);
    const noise = toyWindows({ familiesPerLabel: 5 }).map((window) => {
      const { result } = window;
      const features = { intActive: random(), tensorActive: random() };
      return { ...window, result: { ...result, signature: { ...result.signature, features } } };
    });
    const model = fitModel(noise, { ...BASE, features: BASE.features.slice(1) });
    const largest = Math.max(
      ...model.features
        .filter(({ feature }) => feature !== "fp64Active")
        .flatMap(({ bins }) => bins.flatMap((bin) => Object.values(bin.weights).map(Math.abs))),
      0,
    );
    expect(largest).toBeLessThan(0.2);
  });

  it("keeps its edges, and every weight stays within what the file may hold", () => {
    const { model: shipped } = loadShippedData();
    const model = fitModel(toyWindows({ noise: 0.02 }), shipped, { looseness: [50] });
    for (const { feature, bins } of shipped.features) {
      const edges = model.features.find((entry) => entry.feature === feature)?.bins;
      for (const { below } of bins) expect(edges?.map((bin) => bin.below)).toContain(below);
    }
    const weights = model.features.flatMap(({ bins }) =>
      bins.flatMap((bin) => Object.values(bin.weights)),
    );
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(6);
    expect(weights).toEqual(weights.map((weight) => Number(weight.toFixed(2))));
  });

  it("is not argued against for a label that nobody recorded", () => {
    const noMining = toyWindows().filter(({ family }) => !family.startsWith("minin"));
    const model = fitModel(noMining, BASE);
    for (const value of [0.1, 0.5, 0.8])
      expect(weightsOf(model, "intActive", value)?.weights["mining-like"]).toBe(
        weightsOf(BASE, "intActive", value)?.weights["mining-like"],
      );
  });
});

describe("how sure a fitted model is", () => {
  it("is less than its weights say where physics was too sure of itself", () => {
    const sure = BASE.features.map((entry) => ({
      ...entry,
      bins: entry.bins.map((bin, i) => ({
        ...bin,
        weights: { "mining-like": i === 0 ? -6 : 6, "training-like": i === 0 ? 6 : -6 },
      })),
    }));
    const random = seeded(2);
    const coin = toyWindows({ familiesPerLabel: 5 }).map((window) => {
      const { result } = window;
      const signature = { ...result.signature, features: { intActive: random() } };
      return { ...window, result: { ...result, signature } };
    });
    const held = { looseness: [0] };
    expect(fitModel(coin, { ...BASE, features: sure }, held).decision.temperature).toBeGreaterThan(
      2,
    );
    // Control: honest physics of separable work needs none.
    expect(fitModel(toyWindows(), BASE).decision.temperature).toBe(1);
  });

  it("never lowers the bars that physics set", () => {
    for (const seed of [1, 2, 3]) {
      const { decision } = fitModel(toyWindows({ seed, noise: 0.3 }), BASE);
      expect(decision.minMiningConfidence).toBeGreaterThanOrEqual(0.8);
      expect(decision.minMiningConfidence).toBeLessThanOrEqual(0.95);
      expect(decision.temperature).toBeGreaterThanOrEqual(1);
      expect(decision.minSupport).toBeGreaterThanOrEqual(-6);
      expect(decision.minGroups).toBe(BASE.decision.minGroups);
    }
  });

  it("raises the bar of mining-like above what honest work of an unseen family reached", () => {
    const odd = Array.from({ length: 8 }, (_, place) =>
      labelledWindow({
        family: "looks-like-mining",
        label: "other",
        features: { intActive: 0.8, tensorActive: 0.05 },
        place,
      }),
    );
    const bar = (windows: readonly LabelledWindow[]) =>
      fitModel(windows, BASE).decision.minMiningConfidence;
    const windows = toyWindows({ familiesPerLabel: 6, noise: 0.02 });
    expect(bar([...windows, ...odd])).toBeGreaterThan(bar(windows));
  });

  it("is bounded by what it has seen, a little widened", () => {
    const seen = fitModel(toyWindows(), BASE).features.find(
      ({ feature }) => feature === "tensorActive",
    )?.seen;
    expect(seen?.from).toBeGreaterThan(-0.15);
    expect(seen?.from).toBeLessThan(0);
    expect(seen?.to).toBeGreaterThan(0.86);
    expect(seen?.to).toBeLessThan(1);
  });
});

describe("an additive model", () => {
  it("hears nothing from a feature that is missing", () => {
    const model = fitModel(toyWindows(), BASE);
    const verdict = (features: LabelledWindow["result"]["signature"]["features"]) =>
      labelsBy(model, [labelledWindow({ family: "x", label: "other", features })]);
    expect(verdict({})).toEqual(["unknown"]);
    expect(verdict({ intActive: 0.1, tensorActive: 0.8 })).toEqual(["training-like"]);
    expect(scoresOf([], model)).toEqual({
      "training-like": 0,
      "inference-like": 0,
      "mining-like": -1.5,
      other: -0.5,
    });
  });
});

describe("a family that no fit has seen", () => {
  const said = (model: EvidenceModel, features: Features) =>
    labelsBy(model, [labelledWindow({ family: "new", label: "other", features })])[0];

  it("is unknown where its features contradict each other, not the least bad guess", () => {
    // The honest of one label and of another: each feature speaks loudly, and not for the same.
    const model = fitModel(toyWindows(), { ...BASE, prior: { weights: {}, reason: "even" } });
    expect(said(model, { intActive: 0.8, tensorActive: 0.35 })).toBe("unknown");
    expect(said(model, { intActive: 0.8, tensorActive: 0.05 })).toBe("mining-like");
    expect(said(model, { intActive: 0.2, tensorActive: 0.35 })).toBe("inference-like");
  });

  it("is unknown where too much of it was never seen, however sure the weights are", () => {
    const more = (random: () => number): Features => ({ memUtil: 0.4 + 0.2 * random() });
    const model = fitModel(toyWindows({ more }), {
      ...BASE,
      features: [
        ...BASE.features,
        { feature: "memUtil", says: "memory", bins: [{ weights: {}, reason: "any" }] },
      ],
    });
    const training = { intActive: 0.1, tensorActive: 0.8, memUtil: 0.5 };
    expect(said(model, training)).toBe("training-like");
    // One odd feature is another batch size; two are another kind of work.
    expect(said(model, { ...training, memUtil: 0.9 })).toBe("training-like");
    expect(said(model, { ...training, memUtil: 0.9, tensorActive: 1.4 })).toBe("unknown");
  });
});

describe("a feature that another one tells better", () => {
  it("is learnt only from windows in which it would be weighed", () => {
    const unless: EvidenceModel["features"][number] = {
      feature: "memUtil",
      says: "memory",
      unless: ["tensorActive"],
      bins: [{ weights: {}, reason: "any" }],
    };
    const base = { ...BASE, features: [...BASE.features, unless] };
    const memory = (_: () => number, kind: string): Features => ({
      memUtil: kind === "mining-like" ? 0.9 : 0.1,
    });
    const found = (windows: readonly LabelledWindow[]) =>
      fitModel(windows, base).features.find(({ feature }) => feature === "memUtil");
    expect(found(toyWindows({ more: memory }))).toEqual(unless);
    const without = toyWindows({
      more: (random, kind) => ({ ...memory(random, kind), tensorActive: undefined }),
    });
    expect(found(without)?.unless).toEqual(["tensorActive"]);
    expect(found(without)?.bins.length).toBeGreaterThan(1);
  });
});

describe("leaving each family out", () => {
  it("finds separable kinds again and accuses nobody", () => {
    const windows = toyWindows({ familiesPerLabel: 3, windowsPerFamily: 4 });
    const { accuracy, falseMiningSeconds, truthSeconds } = figuresOf(
      leaveOneFamilyOut(windows, BASE),
    );
    expect(truthSeconds).toBe(3 * 4 * KINDS.length * 10);
    expect(accuracy).toBeGreaterThan(0.6);
    expect(falseMiningSeconds).toBe(0);
  });

  describe("never lets a family vouch for itself", () => {
    const features = BASE.features.map((entry) => ({
      ...entry,
      bins: entry.bins.map((bin) => ({ ...bin, weights: {} })),
    }));
    const decision = { ...BASE.decision, minConfidence: 0.3, minMiningConfidence: 0.3 };
    const base = { ...BASE, features, decision, prior: { weights: {}, reason: "even" } };
    const options = { looseness: [1.6] };
    const windows = toyWindows({ familiesPerLabel: 3, windowsPerFamily: 4 });
    const found = (windowsOf: readonly LabelledWindow[]): number =>
      figuresOf(leaveOneFamilyOut(windowsOf, base, options)).confusion["mining-like"]?.[
        "mining-like"
      ] ?? 0;

    it("nor its neighbours in a recording", () => {
      // Every miner in one recording: without it nobody can know mining.
      const together = windows.map((window): LabelledWindow => {
        const place = ["minin-0", "minin-1", "minin-2"].indexOf(window.family);
        if (place < 0) return window;
        const { fromMs, toMs } = window.result.window;
        const shift = place * 1_000_000;
        const moved = { fromMs: fromMs + shift, toMs: toMs + shift };
        return { ...window, recording: "all", result: { ...window.result, window: moved } };
      });
      expect(found(together)).toBe(0);
      // Control: in recordings of their own they are found by what the others taught.
      expect(found(windows)).toBeGreaterThan(60);
    });
  });

  it("measures rest with whole GPU-seconds and fits nothing on it", () => {
    const rest = labelledWindow({ family: "rest", label: "idle", features: {}, idleMs: 10_000 });
    const some = toyWindows({ familiesPerLabel: 2, windowsPerFamily: 2 });
    expect(figuresOf(leaveOneFamilyOut([...some, rest], BASE)).confusion.idle).toEqual({
      idle: 10,
    });
  });
});
