import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evidenceModelSchema, type EvidenceModel } from "../../../src/classify/evidence-model.ts";
import { explainScene } from "../../../src/cli/explain/explain-scene.ts";
import { byLabel, type LabelNumbers, softmax, sumOf } from "../../../src/cli/explain/sum.ts";
import { explanationText } from "../../../src/cli/explain/text.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import type { Evidence } from "../../../src/model/evidence.ts";
import { DECIDABLE_LABELS } from "../../../src/model/label.ts";
import { FEATURES } from "../../../src/model/signature.ts";
import { ownSlice, scene, telemetry } from "./support.ts";

const page = { width: 80, unicode: true };
const shipped = loadShippedData().model;

/** Of the labels in their order. */
type Four = readonly number[];

/** The rows of the printed sum by name, as a reader with a pencil would copy them. */
function printedSum(text: string): Map<string, Four> {
  const lines = text.split("\n");
  const from = lines.indexOf("THE SUM");
  const rows = lines.slice(from + 2, lines.indexOf("", from));
  return new Map(
    rows.flatMap((row) => {
      const match = /^ {2}(\S.*?\S) {2,}(\S.*)$/.exec(row);
      if (!match) return [];
      const cells = (match[2] ?? "")
        .replaceAll(/([<>]) /g, "$1")
        .replaceAll(" %", "%")
        .split(/ +/);
      return [[match[1] ?? "", cells.map((cell) => Number(cell.replace(/[<>%]/g, "")))]];
    }),
  );
}

/** The two columns of weights in the table of what the device showed: best and runner-up. */
function printedWeights(text: string): (readonly [number, number])[] {
  const table = text.slice(text.indexOf("WHAT THE DEVICE SHOWED"), text.indexOf("THE SUM"));
  return table.split("\n").flatMap((line) => {
    const cells = [line.slice(39, 48), line.slice(50, 59)].map((cell) => cell.trim());
    const [first = "", second = ""] = cells;
    const areWeights = cells.every((cell) => /^[+-]?\d+\.\d{2,3}$/.test(cell));
    return areWeights ? [[Number(first), Number(second)] as const] : [];
  });
}

const weight = fc.double({ min: -3, max: 3, noNaN: true });
const weights = fc.record({
  "training-like": weight,
  "inference-like": weight,
  "mining-like": weight,
  other: weight,
});
const someEvidence = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom(...FEATURES), weights, fc.double({ min: 0, max: 1, noNaN: true })),
    {
      minLength: 1,
      maxLength: 20,
      selector: ([feature]) => feature,
    },
  )
  .map((list) => list.map(([feature, own, value]) => telemetry(feature, value, own)));
const temperatures = fc.constantFrom(1, 0.5, 1.7, 3);

function modelWith(temperature: number): EvidenceModel {
  return evidenceModelSchema.parse({
    ...shipped,
    decision: { ...shipped.decision, temperature },
  });
}

/** Prior and weights of one window. */
function scoresOf(model: EvidenceModel, evidence: readonly Evidence[]): LabelNumbers {
  return byLabel((label) =>
    evidence.reduce(
      (sum, item) => sum + (item.weights[label] ?? 0),
      model.prior.weights[label] ?? 0,
    ),
  );
}

/** The probability of the average over a window and, at half its weight, each neighbour that is heard. */
function recordedWith(
  model: EvidenceModel,
  evidence: readonly Evidence[],
  heard: readonly (readonly Evidence[])[],
): number {
  const half = model.decision.neighbourWeight;
  const own = scoresOf(model, evidence);
  const others = heard.map((list) => scoresOf(model, list));
  const smoothed = byLabel(
    (label) =>
      others.reduce((sum, scores) => sum + half * scores[label], own[label]) /
      (1 + half * others.length),
  );
  return Math.max(
    ...Object.values(softmax(byLabel((label) => smoothed[label] / model.decision.temperature))),
  );
}

const sumUp = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe("the printed sum", () => {
  it("is made of the printed weights, and gives the printed probability", () => {
    fc.assert(
      fc.property(someEvidence, someEvidence, temperatures, (evidence, next, temperature) => {
        const model = modelWith(temperature);
        const confidence = recordedWith(model, evidence, [next]);
        const after = ownSlice({ fromMs: 10_000, toMs: 20_000, evidence: next });
        const made = scene([ownSlice({ evidence, confidence })], {
          model,
          around: [{ window: { fromMs: 10_000, toMs: 20_000 }, slices: [after] }],
        });
        const explanation = explainScene(made, undefined);
        const text = explanationText(explanation, page);
        const rows = printedSum(text);
        const row = (name: string): Four => rows.get(name) ?? [0, 0, 0, 0];
        const [best, runnerUp] = [explanation.subjects[0]?.best, explanation.subjects[0]?.runnerUp];
        const printed = printedWeights(text);
        [best, runnerUp].forEach((label, column) => {
          const i = DECIDABLE_LABELS.findIndex((each) => each === label);
          const own = printed.map((pair) => pair[column] ?? 0);
          expect(sumUp(own.filter((each) => each > 0))).toBeCloseTo(
            row("speaks for it")[i] ?? 0,
            6,
          );
          expect(sumUp(own.filter((each) => each < 0))).toBeCloseTo(
            row("speaks against it")[i] ?? 0,
            6,
          );
        });
        const names = ["every label starts with", "speaks for it", "speaks against it"];
        const rest = [
          "moved by its neighbours",
          `taken by the temperature ${temperature}`,
          "signs on processes",
          "rounding of the above",
        ];
        const odds = DECIDABLE_LABELS.map((_, i) => {
          const alone = sumUp(names.map((name) => row(name)[i] ?? 0));
          expect(alone).toBeCloseTo(row("this window alone")[i] ?? 0, 6);
          const total = alone + sumUp(rest.map((name) => row(name)[i] ?? 0));
          expect(total).toBeCloseTo(row("total")[i] ?? 0, 6);
          return Math.exp(total);
        });
        DECIDABLE_LABELS.forEach((_, i) => {
          const share = (100 * (odds[i] ?? 0)) / sumUp(odds);
          // Whole per cent from ten on; and three decimals of the log-odds are good to a thousandth.
          expect(Math.abs(share - (row("probability: its share")[i] ?? 0))).toBeLessThan(0.7);
        });
      }),
      { numRuns: 30 },
    );
  });

  it("needs no line for rounding where every weight has two decimals", () => {
    const evidence = [telemetry("gpuUtil", 1, { "training-like": 0.25, other: -1.5 })];
    const text = explanationText(explainScene(scene([ownSlice({ evidence })]), undefined), page);
    expect(text).not.toContain("rounding of the above");
    expect(text).toContain("+0.25");
  });
});

describe("which neighbours were heard", () => {
  const evidence = [telemetry("gpuUtil", 1, { "training-like": 1, other: -1 })];
  const one = [telemetry("gpuUtil", 1, { "training-like": 2, "mining-like": -1 })];
  const next = [telemetry("gpuUtil", 1, { "inference-like": 1, other: 0.5 })];
  const [before, after] = [scoresOf(shipped, one), scoresOf(shipped, next)];
  it.each([
    ["both", [one, next], ["before", "after"]],
    ["the one before", [one], ["before"]],
    ["the one after", [next], ["after"]],
    ["none", [], []],
  ])("is found by the probability that comes out: %s", (_, heard, counted) => {
    const recorded = recordedWith(shipped, evidence, heard);
    const { whole } = sumOf({ evidence, model: shipped, before, after, recorded });
    expect(whole).toMatchObject({ agrees: true, counted });
  });

  it("is not made up where none of them gives what was recorded", () => {
    const { whole } = sumOf({ evidence, model: shipped, before, after, recorded: 0.123 });
    expect(whole).toMatchObject({ agrees: false, counted: [] });
  });
});
