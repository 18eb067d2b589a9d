import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decide, scoresOf, telemetryEvidence } from "../../../src/classify/score.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import { DECIDABLE_LABELS } from "../../../src/model/label.ts";
import { FEATURES } from "../../../src/model/signature.ts";

const label = z.enum(DECIDABLE_LABELS);
const kinds = z
  .array(
    z.strictObject({
      name: z.string(),
      why: z.string(),
      mustBe: label.optional(),
      never: z.array(label).optional(),
      features: z.partialRecord(z.enum(FEATURES), z.number()),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL("kinds.json", import.meta.url), "utf8")));

const { model } = loadShippedData();

/** What each kind of work does to a device in principle; no figure comes from a recording. */
describe("by physics alone", () => {
  it.each(kinds)("$name: $why", ({ mustBe, never = [], features }) => {
    const evidence = telemetryEvidence(
      {
        gpuUuid: "GPU-1",
        window: { fromMs: 0, toMs: 10_000 },
        features,
        scale: "public-limits",
        sampleCount: 100,
        workReadings: 100,
        isStill: false,
        coveredMs: 10_000,
      },
      model,
    );
    const verdict = decide(scoresOf(evidence, model), evidence, model);
    if (mustBe) expect(verdict.label).toBe(mustBe);
    expect(never).not.toContain(verdict.label);
    expect(mustBe !== undefined || never.length > 0).toBe(true);
  });

  it("every part of the model is tried by one of them", () => {
    const unused = model.features
      .filter(({ feature }) => !["lockstep", "treeProcesses", "nearHash"].includes(feature))
      .filter(({ feature }) => kinds.every(({ features }) => features[feature] === undefined));
    expect(unused.map(({ feature }) => feature)).toEqual(["dfmaActive"]);
  });
});
