import { readFileSync } from "node:fs";
import { z } from "zod";
import { type EvidenceModel, evidenceModelSchema } from "../../src/classify/evidence-model.ts";
import { type Indicators, indicatorsSchema } from "../../src/classify/host-evidence.ts";

const shipped = (name: string): unknown =>
  z
    .unknown()
    .parse(JSON.parse(readFileSync(new URL(`../../data/${name}`, import.meta.url), "utf8")));

/** The evidence model that ships, checked. */
export const shippedModel = (): EvidenceModel =>
  evidenceModelSchema.parse(shipped("evidence-model.json"));

/** The indicator lists that ship, checked. */
export const shippedIndicators = (): Indicators =>
  indicatorsSchema.parse(shipped("indicators.json"));
