import { describe, expect, it } from "vitest";
import { evidenceModelSchema, type EvidenceModel } from "../../src/classify/evidence-model.ts";
import {
  decide,
  probabilities,
  scoresOf,
  type Scores,
  telemetryEvidence,
  unseenEvidence,
} from "../../src/classify/score.ts";
import { loadShippedData } from "../../src/config/data.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { Signature } from "../../src/model/signature.ts";

const shipped = loadShippedData().model;
const modelWith = (decision: Partial<EvidenceModel["decision"]>): EvidenceModel => ({
  ...shipped,
  prior: { ...shipped.prior, weights: {} },
  decision: {
    ...shipped.decision,
    minGroups: 1,
    minConfidence: 0.5,
    minMiningConfidence: 0.8,
    minSupport: 0,
    ...decision,
  },
});
const signature = (features: Signature["features"]): Signature => ({
  gpuUuid: "GPU-1",
  window: { fromMs: 0, toMs: 10_000 },
  features,
  scale: "none",
  sampleCount: 1,
  workReadings: 100,
  isStill: false,
  coveredMs: 1,
});
const scores = (training: number, others = 0): Scores => ({
  "training-like": training,
  "inference-like": others,
  "mining-like": others,
  other: others,
});
const of = (feature: string): Evidence => ({
  family: "telemetry",
  feature,
  text: "",
  weights: {},
});
const telemetry = of("gpuUtil");
const host: Evidence = {
  family: "host",
  feature: "minerProcess",
  text: "",
  weights: { "mining-like": 4 },
};
const whyOf = (evidence: readonly Evidence[]) =>
  evidence.find(({ feature }) => feature === "undecided")?.text;

describe("what makes a verdict unknown, and says so", () => {
  it("a probability below the bar, which is higher for an accusation", () => {
    const model = modelWith({});
    // ln 3 makes a label as probable as the three others together.
    expect(decide(scores(Math.log(3) + 1e-6), [telemetry], model).label).toBe("training-like");
    const below = decide(scores(Math.log(3) - 1e-6), [telemetry], model);
    expect(below.label).toBe("unknown");
    expect(whyOf(below.evidence)).toContain("training-like is the most probable at 0.50");
    const mining = (odds: number) =>
      decide({ ...scores(0), "mining-like": Math.log(3 * odds) }, [telemetry], model).label;
    expect([mining(3.99), mining(4.01)]).toEqual(["unknown", "mining-like"]);
  });

  it("a best label with more against it than for it", () => {
    const model = modelWith({});
    expect(decide(scores(0, -3), [telemetry], model).label).toBe("training-like");
    const least = decide(scores(-0.01, -3), [telemetry], model);
    expect(least.label).toBe("unknown");
    expect(whyOf(least.evidence)).toContain("only the least unlikely");
  });

  it("too few kinds of features, unless host evidence decides", () => {
    const model = modelWith({ minGroups: 3 });
    const few = decide(scores(5), [telemetry, of("zeroUtilShare"), of("powerLevel")], model);
    expect(whyOf(few.evidence)).toContain("2 kinds were measured, and 3 are the least");
    const enough = [telemetry, of("powerLevel"), of("memPerUtil")];
    expect(decide(scores(5), enough, model).label).toBe("training-like");
    expect(decide({ ...scores(0), "mining-like": 4 }, [host], model).label).toBe("mining-like");
  });

  it("more features outside of what the model has seen than it allows", () => {
    const features = shipped.features.map((feature) =>
      ["gpuUtil", "powerLevel", "memUtil", "memPerUtil"].includes(feature.feature)
        ? { ...feature, seen: { from: 0.2, to: 0.8 } }
        : feature,
    );
    const model = { ...modelWith({ maxUnseenFeatures: 1 }), features };
    const verdictOf = (gpuUtil: number, powerLevel: number) => {
      const unseen = unseenEvidence(signature({ gpuUtil, powerLevel }), model);
      return decide(scores(5), [telemetry, ...unseen], model);
    };
    expect(verdictOf(0.2, 0.8).label).toBe("training-like");
    expect(verdictOf(0.19, 0.8).label).toBe("training-like");
    expect(whyOf(verdictOf(0.19, 0.81).evidence)).toContain("unlike all that the model has seen");
    // A model that was fitted to nothing has seen nothing, and claims nothing of it.
    expect(unseenEvidence(signature({ gpuUtil: 99 }), shipped)).toEqual([]);
  });
});

describe("a temperature", () => {
  it("above 1 makes every probability less sure and changes no order", () => {
    const said: Evidence = { ...telemetry, weights: { "training-like": 2 } };
    const at = (temperature: number) => probabilities(scoresOf([said], modelWith({ temperature })));
    const sure = at(1);
    const cool = at(2);
    expect(cool["training-like"]).toBeLessThan(sure["training-like"]);
    expect(cool["training-like"]).toBeGreaterThan(0.25);
    expect(probabilities(scores(2))).toEqual(sure);
    expect(cool["training-like"]).toBeCloseTo(Math.E / (Math.E + 3));
  });
});

describe("a feature that another one tells better", () => {
  const weighed = (features: Signature["features"]) =>
    telemetryEvidence(signature(features), shipped).map(({ feature }) => feature);

  it("is not weighed beside it, and is weighed without it", () => {
    expect(weighed({ memPerUtil: 0.5, dramActive: 0.5 })).toEqual(["dramActive"]);
    expect(weighed({ memPerUtil: 0.5 })).toEqual(["memPerUtil"]);
  });
});

describe("the model's file", () => {
  const parse = (change: object) =>
    evidenceModelSchema.safeParse({ ...shipped, ...change }).success;

  it("is refused with a temperature of nothing, and with bins that do not rise", () => {
    expect(parse({})).toBe(true);
    expect(parse({ decision: { ...shipped.decision, temperature: 0 } })).toBe(false);
    const [first] = shipped.features;
    const bins = [{ below: 0.5, weights: {}, reason: "r" }];
    expect(parse({ features: [{ ...first, bins }] })).toBe(false);
    expect(parse({ features: [{ ...first, bins: [...bins, { weights: {}, reason: "r" }] }] })).toBe(
      true,
    );
  });
});
