import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type EvidenceModel, evidenceModelSchema } from "../classify/evidence-model.ts";
import { type Indicators, indicatorsSchema } from "../classify/host/indicator-data.ts";
import { type KernelNameData, kernelNamesSchema } from "../classify/kernel-name-data.ts";
import { type Purposes, purposesSchema } from "../classify/purpose-data.ts";
import { type ContextTable, contextTableSchema } from "../collect/context/attribute-table.ts";
import type { DeviceLimits } from "../signature/scale.ts";

/** The folder of data files that ship with the package; the same from `src` and from `dist`. */
const DATA = new URL("../../data/", import.meta.url);

const limitsSchema = z.strictObject({
  version: z.string(),
  source: z.string(),
  devices: z.array(
    z.strictObject({
      model: z.string().min(1),
      boardPowerWatts: z.number().positive(),
      maxSmClockMHz: z.number().positive().optional(),
      pcieBytesPerSec: z.number().positive().optional(),
      nvlinkBytesPerSec: z.number().positive().optional(),
      memoryBytes: z.number().positive().optional(),
      f32FlopPerSec: z.number().positive().optional(),
      tensorF16FlopPerSec: z.number().positive().optional(),
      memoryBytesPerSec: z.number().positive().optional(),
    }),
  ),
});

export interface ShippedData {
  model: EvidenceModel;
  indicators: Indicators;
  purposes: Purposes;
  kernelNames: KernelNameData;
  limits: readonly DeviceLimits[];
}

/** Reads and checks the data files that ship with the package. */
export function loadShippedData(): ShippedData {
  return {
    model: evidenceModelSchema.parse(json("evidence-model.json")),
    indicators: indicatorsSchema.parse(json("indicators.json")),
    purposes: purposesSchema.parse(json("purposes.json")),
    kernelNames: kernelNamesSchema.parse(json("kernel-names.json")),
    limits: limitsSchema.parse(json("device-limits.json")).devices,
  };
}

/** Which attribute of OTLP says what of a run. */
export function loadContextTable(): ContextTable {
  return contextTableSchema.parse(json("context-attributes.json"));
}

export const demoRecordingPath = (): string =>
  fileURLToPath(new URL("demo-simulated.ndjson.gz", DATA));

export const examplePricesPath = (): string => fileURLToPath(new URL("prices.yaml", DATA));

/** The version of package.json: it is written into every slice. */
export function agentVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return z.looseObject({ version: z.string() }).parse(JSON.parse(text)).version;
}

function json(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, DATA), "utf8"));
}
