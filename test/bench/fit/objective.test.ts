import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binned } from "../../../bench/fit/bins.ts";
import { foldsOf } from "../../../bench/fit/cross-fit.ts";
import { minimise } from "../../../bench/fit/minimise.ts";
import { designOf, LABEL_COUNT, objectiveOf } from "../../../bench/fit/objective.ts";
import { rowsOf, thinned, weighed } from "../../../bench/fit/rows.ts";
import { bestTemperature, logLoss } from "../../../bench/fit/temperature.ts";
import { FEATURES } from "../../../src/model/signature.ts";
import { seeded } from "../../support/seeded.ts";
import { BASE, toyWindows } from "./windows.ts";

const rows = weighed(rowsOf(toyWindows({ familiesPerLabel: 3, windowsPerFamily: 5 }), 0.1));
const design = designOf(rows, binned(rows, BASE, FEATURES));
const weights = Float64Array.from(rows, ({ weight }) => 12 * weight);
const penalty = { ridge: 0.7, fused: 1.3 };

describe("what a fit minimises", () => {
  const objective = objectiveOf(design, weights, penalty);
  const valueAt = (at: Float64Array): number =>
    objective.evaluate(at, new Float64Array(objective.size));
  const isFrozen = (at: number): boolean => design.isFrozen[Math.floor(at / LABEL_COUNT)] === 1;

  it("has the gradient that finite differences find", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seeded(seed);
        const at = Float64Array.from({ length: objective.size }, (_, i) =>
          isFrozen(i) ? 0 : 4 * random() - 2,
        );
        const gradient = new Float64Array(objective.size);
        objective.evaluate(at, gradient);
        for (let i = 0; i < objective.size; i += 1) {
          if (isFrozen(i)) continue;
          const [up, down] = [Float64Array.from(at), Float64Array.from(at)];
          up[i] = (up[i] ?? 0) + 1e-5;
          down[i] = (down[i] ?? 0) - 1e-5;
          expect(gradient[i]).toBeCloseTo((valueAt(up) - valueAt(down)) / 2e-5, 5);
        }
      }),
      { numRuns: 5 },
    );
  });

  it("leaves features that too few measured where they are", () => {
    const gradient = new Float64Array(objective.size);
    objective.evaluate(new Float64Array(objective.size), gradient);
    const frozen = [...gradient].filter((_, i) => isFrozen(i));
    expect(frozen.length).toBeGreaterThan(0);
    expect(frozen.every((slope) => slope === 0)).toBe(true);
    expect([...gradient].some((slope) => slope !== 0)).toBe(true);
  });

  it("is lowest where the search ends, from wherever it begins", () => {
    const least = minimise(objective, new Float64Array(objective.size), 1e-6);
    const random = seeded(8);
    const elsewhere = Float64Array.from({ length: objective.size }, (_, i) =>
      isFrozen(i) ? 0 : 6 * random() - 3,
    );
    const again = minimise(objective, elsewhere, 1e-6);
    for (const [i, entry] of least.entries()) expect(again[i]).toBeCloseTo(entry, 4);
  });

  it("pulls neighbouring bins together the more, the higher the fused penalty", () => {
    const roughness = (fused: number): number => {
      const least = minimise(
        objectiveOf(design, weights, { ridge: 0.1, fused }),
        new Float64Array(objective.size),
        1e-6,
      );
      let sum = 0;
      for (const [col, has] of design.hasNext.entries())
        for (let label = 0; label < has * LABEL_COUNT; label += 1) {
          const at = col * LABEL_COUNT + label;
          sum += ((least[at + LABEL_COUNT] ?? 0) - (least[at] ?? 0)) ** 2;
        }
      return sum;
    };
    expect(roughness(1)).toBeLessThan(roughness(0));
    expect(roughness(100)).toBeLessThan(0.1 * roughness(1));
  });
});

describe("the search for the lowest point", () => {
  it("says so where it does not arrive", () => {
    const endless = {
      evaluate: (at: Float64Array, gradient: Float64Array) => {
        gradient[0] = -1;
        return -(at[0] ?? 0);
      },
      curvature: () => Float64Array.of(1),
    };
    expect(() => minimise(endless, Float64Array.of(0), 1e-6)).toThrow("did not converge");
  });
});

describe("the weight of rows", () => {
  it("is the same for each label, for each family of a label, and 1 in all", () => {
    const uneven = rows.filter(({ family }, i) => family !== "train-0" || i % 2 === 0);
    const sums = new Map<string, number>();
    for (const { label, family, weight } of weighed(uneven))
      for (const key of [label, family, "all"]) sums.set(key, (sums.get(key) ?? 0) + weight);
    expect(sums.get("all")).toBeCloseTo(1, 12);
    for (const key of ["training-like", "mining-like"])
      expect(sums.get(key)).toBeCloseTo(1 / 4, 12);
    for (const key of ["train-0", "other-2"]) expect(sums.get(key)).toBeCloseTo(1 / 12, 12);
  });

  it("stays when only some rows of each family are looked at", () => {
    const some = thinned(rows, 2);
    expect(some).toHaveLength(24);
    expect(some.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    expect(thinned(rows, 100)).toEqual(rows);
  });
});

describe("families left out together", () => {
  it("are single ones while they are few, and whole ones always", () => {
    expect(foldsOf(rows, 20).map((fold) => fold.size)).toEqual(Array(12).fill(1));
    const folds = foldsOf(rows, 5);
    expect(folds.flatMap((fold) => [...fold]).sort()).toEqual(
      [...new Set(rows.map(({ family }) => family))].sort(),
    );
    // Dealt out label by label: no fold empties a label.
    for (const fold of folds)
      for (const letter of ["train", "infer", "minin", "other"])
        expect([...fold].filter((name) => name.startsWith(letter)).length).toBeLessThan(3);
  });
});

describe("the temperature", () => {
  const sure = (rightShare: number) => {
    const labels = Uint8Array.from({ length: 100 }, (_, i) => (i < 100 * rightShare ? 0 : 1));
    const scores = new Float64Array(100 * LABEL_COUNT);
    for (let row = 0; row < 100; row += 1) scores[row * LABEL_COUNT] = 6;
    return { labels, scores, weights: new Float64Array(100).fill(0.01) };
  };

  it("is higher the more often sureness was wrong, and never below the least", () => {
    const [often, rarely] = [0.6, 0.9].map((share) => bestTemperature(sure(share), 1));
    expect(often?.temperature).toBeGreaterThan(rarely?.temperature ?? Infinity);
    expect(rarely?.temperature).toBeGreaterThan(1);
    expect(bestTemperature(sure(1), 1).temperature).toBe(1);
  });

  it("is where no other is less surprised", () => {
    const heldOut = sure(0.8);
    const { temperature, loss } = bestTemperature(heldOut, 1);
    for (const factor of [0.9, 0.99, 1.01, 1.1])
      expect(logLoss(heldOut, temperature * factor)).toBeGreaterThan(loss);
  });
});
