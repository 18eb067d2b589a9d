import { describe, expect, it } from "vitest";
import { evidenceModelSchema } from "../../../src/classify/evidence-model.ts";
import { explainScene } from "../../../src/cli/explain/explain-scene.ts";
import type { Scene } from "../../../src/cli/explain/scene.ts";
import type { Subject } from "../../../src/cli/explain/schema.ts";
import { explanationText } from "../../../src/cli/explain/text.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import type { Evidence } from "../../../src/model/evidence.ts";
import type { Slice } from "../../../src/model/slice.ts";
import { ownSlice, scene, telemetry } from "./support.ts";

const shipped = loadShippedData().model;
const decision = { minGroups: 2, minConfidence: 0.5, minMiningConfidence: 0.8, minSupport: -1 };

/** The shipped model with thresholds of this test's own, and features that it has seen from 0 to 0.5. */
const model = evidenceModelSchema.parse({
  ...shipped,
  prior: { ...shipped.prior, weights: {} },
  decision: { ...shipped.decision, ...decision, temperature: 1, maxUnseenFeatures: 1 },
  features: shipped.features.map((each) => ({ ...each, seen: { from: 0, to: 0.5 } })),
});

const context = (feature: string, text: string): Evidence => ({
  family: "context",
  feature,
  text,
  weights: {},
});
const host = (text: string, weight: number): Evidence => ({
  family: "host",
  feature: weight > 0 ? "minerProcess" : "minerHint",
  value: 77,
  text,
  weights: weight > 0 ? { "mining-like": weight } : {},
});

/** The one subject of a window with one slice in it. */
function subjectOf(over: Partial<Slice>, around: Partial<Scene> = {}): Subject {
  const [subject] = explainScene(scene([ownSlice(over)], { model, ...around }), undefined).subjects;
  if (!subject) throw new Error("nobody is explained");
  return subject;
}

const two = [telemetry("gpuUtil", 0.3, { other: 0.2 }), telemetry("memUtil", 0.3, { other: 0.1 })];
const mining = [
  telemetry("gpuUtil", 0.3, { "mining-like": 1.2 }),
  telemetry("memUtil", 0.3, { "mining-like": 0.9 }),
];
const unseen = [
  telemetry("gpuUtil", 0.9, { other: 2 }),
  telemetry("memUtil", 0.9, { other: 1 }),
  telemetry("smActive", 0.2, { other: 1 }),
];

describe("why a label is unknown", () => {
  it.each<[string, string, Partial<Slice>]>([
    ["too few kinds of features", "minGroups", { evidence: two.slice(1), confidence: 0.27 }],
    [
      "unlike anything seen",
      "maxUnseenFeatures",
      {
        evidence: [...unseen, { ...context("unseen", "unlike anything"), value: 2 }],
        confidence: 0.9,
      },
    ],
    [
      "the least bad of bad answers",
      "minSupport",
      {
        evidence: [
          telemetry("gpuUtil", 0.3, all(-6, { other: -2 })),
          telemetry("memUtil", 0.3, {}),
        ],
        confidence: 0.94,
      },
    ],
    ["not sure enough", "minConfidence", { evidence: two, confidence: 0.31 }],
    ["not surely enough to accuse", "minMiningConfidence", { evidence: mining, confidence: 0.73 }],
    ["a shared device", "sharedDevice", { evidence: [context("sharedDevice", "several")] }],
    [
      "too little work",
      "tooLittleActivity",
      { evidence: [context("tooLittleActivity", "little")] },
    ],
    ["nobody measured", "unobserved", { evidence: [context("unobserved", "nobody")] }],
  ])("is told by the threshold that decided: %s", (_, code, over) => {
    const { rule } = subjectOf({ label: "unknown", ...over });
    expect(rule.decided.code).toBe(code);
    expect(rule.wouldSettle.length).toBeGreaterThan(0);
  });

  it("is not told by a threshold where all of them are met", () => {
    const { rule } = subjectOf({ label: "unknown", evidence: two, confidence: 0.9 });
    expect(rule.decided.code).toBe("cannotTell");
  });

  it("is not asked of a label that was decided", () => {
    const { rule } = subjectOf({ label: "mining-like", evidence: mining, confidence: 0.9 });
    expect(rule).toMatchObject({ decided: { code: "minMiningConfidence" }, wouldSettle: [] });
    expect(rule.checks.every(({ met }) => met)).toBe(true);
  });
});

function all(value: number, over: Evidence["weights"]): Evidence["weights"] {
  return { "training-like": value, "inference-like": value, "mining-like": value, ...over };
}

describe("signs on processes", () => {
  const HEAD = "process 77 shows independent signs of a miner: ";

  it("decide whatever the number of features, and are spelt out one by one", () => {
    const signs = "program name xmrig, pool address scheme stratum+ssl://, miner option --coin";
    const evidence = [host(HEAD + signs, 5)];
    const subject = subjectOf({ label: "mining-like", evidence, confidence: 0.98 });
    expect(subject.rule.decided.code).toBe("hostEvidence");
    expect(subject.host[0]?.signs.map(({ kind, text }) => [kind, text])).toEqual([
      ["program name", "xmrig"],
      ["pool address scheme", "stratum+ssl://"],
      ["miner option", "--coin"],
    ]);
    expect(subject.sum?.whole?.withoutSigns["mining-like"]).toBeCloseTo(0.25, 9);
  });

  it("cannot be added by the path of a deleted file, which its owner chose", () => {
    const path = "/tmp/a, program name xmrig, miner option --coin (deleted)";
    const evidence = [host(`${HEAD}miner option -o, deleted executable ${path}`, 5)];
    const { host: found } = subjectOf({ label: "mining-like", evidence });
    expect(found[0]?.signs.map(({ kind, independent }) => [kind, independent])).toEqual([
      ["miner option", true],
      ["deleted executable", false],
    ]);
  });

  it("count for nothing where there is one alone, and are shown", () => {
    const text =
      "process 77 shows one sign that also occurs by chance, not counted: program name t";
    const made = scene([ownSlice({ evidence: [...two, host(text, 0)], confidence: 0.31 })], {
      model,
    });
    const page = explanationText(explainScene(made, undefined), { width: 80, unicode: true });
    expect(page).toContain("a single sign, which also occurs by chance");
    expect(page).not.toContain("Without them");
  });
});

describe("a slice of another model", () => {
  it("shows its own weights, and says that the sum cannot be finished", () => {
    const made = scene([
      ownSlice({ evidence: mining, label: "mining-like", modelVersion: "old-7" }),
    ]);
    const explanation = explainScene(made, undefined);
    const [subject] = explanation.subjects;
    expect(explanation.model).toEqual({ version: "old-7", known: false });
    expect(subject?.sum?.for["mining-like"]).toBeCloseTo(2.1, 9);
    expect(subject?.sum?.whole).toBeUndefined();
    expect(subject?.rule.checks).toEqual([]);
    const page = explanationText(explanation, { width: 80, unicode: true });
    expect(page).toMatch(/the sum ends before the\s+probability/);
    expect(page).not.toContain("probability: its share");
  });

  it("tells why it is unknown in the words that were noted then", () => {
    const noted = context("undecided", "undecided: other is the most probable at 0.4");
    const over = { evidence: [...two, noted], confidence: 0.4, modelVersion: "old-7" };
    const { decided } = subjectOf({ label: "unknown", ...over }).rule;
    expect(decided).toEqual({ code: "undecided", text: "other is the most probable at 0.4" });
  });
});

describe("what a program says of itself", () => {
  const says = (weight: number): Evidence => ({
    family: "declared",
    feature: "declaredPurpose",
    value: "a server",
    text: "declares itself a server (pid 7): started as one",
    weights: { "inference-like": weight },
  });

  it("is a line of the sum, and moves an accusation by no more than the bound", () => {
    const maxRelief = 0.3;
    const evidence = [...mining, says(2)];
    const { sum, declared } = subjectOf({ label: "unknown", evidence }, { maxRelief });
    expect(declared).toHaveLength(1);
    expect(sum?.declared["inference-like"]).toBe(2);
    const odds = (of: Record<string, number> = {}): number => {
      const share = of["mining-like"] ?? 0;
      return Math.log(share / (1 - share));
    };
    const without = subjectOf({ label: "unknown", evidence: mining }).sum?.whole;
    const fall = odds(without?.probabilities) - odds(sum?.whole?.probabilities);
    expect(fall).toBeCloseTo(maxRelief, 6);
  });

  it("is all counted where nobody is accused", () => {
    const evidence = [telemetry("gpuUtil", 0.3, { "mining-like": -30 }), says(0.5)];
    const { sum } = subjectOf({ label: "unknown", evidence }, { maxRelief: 100 });
    expect(sum?.whole?.declared["inference-like"]).toBeCloseTo(0.5, 9);
  });
});

describe("strings of the observed user", () => {
  const HOSTILE = "eve\u001b[2J\n\u202Emallory\u0007";

  it("reach neither the page nor the JSON unescaped, wherever they stand", () => {
    const slice = ownSlice({
      owner: { kind: "user", id: HOSTILE },
      evidence: [
        telemetry(HOSTILE, 1, { other: 1 }),
        host(`process 1 shows independent signs of a miner: deleted executable ${HOSTILE}`, 5),
        context(HOSTILE, HOSTILE),
      ],
      modelVersion: HOSTILE,
      agentVersion: HOSTILE,
    });
    const gpu = { index: 0, uuid: HOSTILE, model: HOSTILE };
    const source = { kind: "ledger" as const, path: `/x/${HOSTILE}` };
    const made = scene([slice], { gpu, node: HOSTILE, source });
    const explanation = explainScene(made, `user:${HOSTILE}`);
    for (const text of [
      explanationText(explanation, { width: 80, unicode: true }),
      JSON.stringify(explanation),
    ]) {
      // oxlint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/u);
      expect(text).not.toContain(String.raw`\u001b`);
      expect(text.replaceAll(/\s+/g, "")).toContain("eve");
    }
  });

  it("are bounded", () => {
    const slice = ownSlice({ owner: { kind: "user", id: "x".repeat(5000) } });
    const explanation = explainScene(scene([slice]), undefined);
    const page = explanationText(explanation, { width: 80, unicode: true });
    expect(page).not.toContain("x".repeat(101));
    expect(page.length).toBeLessThan(20_000);
  });
});
