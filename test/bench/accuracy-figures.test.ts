import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Figures, figuresOf, groupFigures } from "../../bench/accuracy/figures.ts";
import { overlay, type Piece, type Said } from "../../bench/accuracy/overlay.ts";
import type { Truth } from "../../bench/accuracy/truth.ts";
import { type Label, LABELS } from "../../src/model/label.ts";

const said = (from: number, to: number, label: Label, gpu = 0): Said => ({ gpu, from, to, label });
const truth = (from: number, to: number, label: Label, rest: Partial<Truth> = {}): Truth => ({
  kind: "truth",
  gpu: 0,
  from,
  to,
  label,
  labels: undefined,
  family: undefined,
  pid: undefined,
  ...rest,
});

describe("seconds of truth with the label that stands there", () => {
  const [busy] = [truth(0, 100, "training-like")];

  it("the later of two labels wins where they overlap, and what nobody labelled is a column of its own", () => {
    const labels = [said(-10, 60, "mining-like"), said(40, 90, "training-like")];
    expect(
      overlay("r", [busy], labels).map(({ seconds, said: label }) => [seconds, label]),
    ).toEqual([
      [40, "mining-like"],
      [20, "training-like"],
      [30, "training-like"],
      [10, "(none)"],
    ]);
  });

  it("the earlier of two in time wins if it is the later in the list", () => {
    const labels = [said(40, 90, "other"), said(0, 60, "idle")];
    const found = overlay("r", [busy], labels).filter(({ said: label }) => label === "idle");
    expect(found.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(60);
  });

  it("labels of another device say nothing", () => {
    expect(overlay("r", [busy], [said(0, 100, "training-like", 1)])).toMatchObject([
      { seconds: 100, said: "(none)" },
    ]);
  });

  it("naming any one of several honest works is right, and of a rogue and an honest one only the rogue", () => {
    const labels = ["training-like", "inference-like"] as const;
    const honest = truth(0, 10, "training-like", { labels: [...labels] });
    const rogue = truth(0, 10, "mining-like", { labels: ["mining-like", "training-like"] });
    const right = (line: Truth, label: Label): number =>
      figuresOf(overlay("r", [line], [said(0, 10, label)])).accuracy;
    expect([right(honest, "inference-like"), right(honest, "training-like")]).toEqual([1, 1]);
    expect(right(honest, "other")).toBe(0);
    expect([right(rogue, "mining-like"), right(rogue, "training-like")]).toEqual([1, 0]);
  });
});

describe("figures worked out by hand", () => {
  const pieces = [
    ...overlay(
      "r",
      [truth(0, 100, "training-like"), truth(100, 150, "idle")],
      [said(0, 40, "mining-like"), said(40, 120, "training-like"), said(120, 150, "idle")],
    ),
    ...overlay("s", [truth(0, 50, "other", { family: "f" })], [said(0, 20, "unknown")]),
  ];
  const figures = figuresOf(pieces);

  it("share right, unknown, labelled at all, and falsely accused", () => {
    expect(figures.truthSeconds).toBe(200);
    expect(figures.accuracy).toBeCloseTo(90 / 200, 12);
    expect(figures.unknown).toBeCloseTo(20 / 200, 12);
    expect(figures.coverage).toBeCloseTo(170 / 200, 12);
    expect(figures.falseMiningSeconds).toBe(40);
  });

  it("precision, recall and F1 of each class, and their mean over what the truth holds", () => {
    expect(figures.classes["training-like"]).toMatchObject({ precision: 60 / 80, recall: 0.6 });
    expect(figures.classes.idle).toMatchObject({
      precision: 1,
      recall: 0.6,
      f1: expect.closeTo(0.75, 12),
    });
    expect(figures.classes.other).toMatchObject({ precision: 0, recall: 0, f1: 0 });
    expect(figures.classes["mining-like"]).toEqual({
      supportSeconds: 0,
      saidSeconds: 40,
      precision: 0,
    });
    expect(figures.macroF1).toBeCloseTo(((2 * 0.75 * 0.6) / 1.35 + 0.75 + 0) / 3, 12);
  });

  it("means over recordings and over families count each once, however long", () => {
    expect(figures.meanOverRecordings).toBeCloseTo((90 / 150 + 0) / 2, 12);
    expect([...groupFigures(pieces, ({ family }) => family).keys()]).toEqual(["f", "r"]);
  });

  it("without any truth there is no figure", () => {
    expect(() => figuresOf([])).toThrow(RangeError);
  });
});

const anyTruth = fc
  .record({
    gpu: fc.nat(1),
    from: fc.nat(40),
    length: fc.integer({ min: 1, max: 30 }),
    labels: fc.uniqueArray(fc.constantFrom(...LABELS), { minLength: 1, maxLength: 3 }),
    family: fc.option(fc.constantFrom("f", "g"), { nil: undefined }),
  })
  .map(({ gpu, from, length, labels, family }) =>
    truth(from, from + length, labels[0] ?? "idle", {
      gpu,
      family,
      labels: labels.length > 1 ? labels : undefined,
    }),
  );
const anySaid = fc
  .record({
    gpu: fc.nat(1),
    from: fc.integer({ min: -5, max: 60 }),
    length: fc.integer({ min: 1, max: 25 }),
    label: fc.constantFrom(...LABELS),
  })
  .map(({ gpu, from, length, label }) => said(from, from + length, label, gpu));
const anySet = fc.array(
  fc.record({
    truths: fc.array(anyTruth, { minLength: 1, maxLength: 6 }),
    labels: fc.array(anySaid, { maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** The published rules once more, second by second and as plainly as they can be put. */
function plainly(set: { truths: Truth[]; labels: Said[] }[]) {
  const cells = new Map<string, number>();
  const add = (key: string): void => void cells.set(key, (cells.get(key) ?? 0) + 1);
  for (const { truths, labels } of set)
    for (const line of truths)
      for (let second = line.from; second < line.to; second += 1) {
        const here = labels.filter(
          (each) => each.gpu === line.gpu && each.from <= second && second < each.to,
        );
        const label = here.at(-1)?.label ?? "(none)";
        const honest = line.labels !== undefined && !line.labels.includes("mining-like");
        const isOne = honest && line.labels?.some((each) => each === label) === true;
        add(`${isOne ? label : line.label}|${label}`);
      }
  const sum = (test: (was: string, label: string) => boolean): number =>
    [...cells].reduce((total, [key, n]) => {
      const [was = "", label = ""] = key.split("|");
      return total + (test(was, label) ? n : 0);
    }, 0);
  const classes = LABELS.filter((label) => label !== "unknown").flatMap((label) => {
    const support = sum((was) => was === label);
    if (support === 0) return [];
    const right = sum((was, told) => was === label && told === label);
    const predicted = sum((_, told) => told === label);
    const precision = predicted > 0 ? right / predicted : 0;
    const recall = right / support;
    return [precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0];
  });
  const total = sum(() => true);
  return {
    truthSeconds: total,
    accuracy: sum((was, told) => was === told) / total,
    macroF1: classes.length === 0 ? 0 : classes.reduce((a, b) => a + b, 0) / classes.length,
    coverage: sum((_, told) => told !== "(none)") / total,
    unknown: sum((_, told) => told === "unknown") / total,
    falseMiningSeconds: sum((was, told) => was !== "mining-like" && told === "mining-like"),
  };
}

const piecesOf = (set: { truths: Truth[]; labels: Said[] }[]): Piece[] =>
  set.flatMap(({ truths, labels }, i) => overlay(`r${i}`, truths, labels));

const close = (plain: Partial<Record<keyof Figures, number>>): object =>
  Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [name, expect.closeTo(value, 9)]),
  );

describe("whatever the truth and the labels", () => {
  it("the figures are those of the rules applied second by second", () => {
    fc.assert(
      fc.property(anySet, (set) => {
        expect(figuresOf(piecesOf(set))).toMatchObject(close(plainly(set)));
      }),
    );
  });

  it("rows of the confusion sum to the truth, and every share lies between 0 and 1", () => {
    fc.assert(
      fc.property(anySet, (set) => {
        const figures = figuresOf(piecesOf(set));
        const lines = set.flatMap(({ truths }) => truths);
        const seconds = lines.reduce((sum, { from, to }) => sum + to - from, 0);
        const cells = Object.values(figures.confusion).flatMap((row) => Object.values(row));
        expect(cells.reduce((a, b) => a + b, 0)).toBeCloseTo(seconds, 9);
        const { accuracy, macroF1, unknown, coverage } = figures;
        for (const share of [accuracy, macroF1, unknown, coverage]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1 + 1e-12);
        }
      }),
    );
  });

  it("the order of recordings and of truth lines does not matter", () => {
    fc.assert(
      fc.property(anySet, (set) => {
        const pieces = piecesOf(set);
        const { truthSeconds, accuracy, macroF1, meanOverFamilies } = figuresOf(pieces);
        const figures = { truthSeconds, accuracy, macroF1, meanOverFamilies };
        expect(figuresOf(pieces.toReversed())).toMatchObject(close(figures));
      }),
    );
  });

  it("saying the truth is right throughout", () => {
    fc.assert(
      fc.property(fc.array(anyTruth, { minLength: 1, maxLength: 1 }), (truths) => {
        expect(figuresOf(overlay("r", truths, truths)).accuracy).toBe(1);
      }),
    );
  });
});
