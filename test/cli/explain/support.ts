import { fileURLToPath } from "node:url";
import { explanationSchema, type Explanation } from "../../../src/cli/explain/schema.ts";
import type { Scene } from "../../../src/cli/explain/scene.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import type { Evidence } from "../../../src/model/evidence.ts";
import type { Slice } from "../../../src/model/slice.ts";
import { slice } from "../../support/slices.ts";

/** The simulated recording that ships with the program: 20 minutes, 2 GPUs, from here on. */
export const DEMO = fileURLToPath(
  new URL("../../../data/demo-simulated.ndjson.gz", import.meta.url),
);
export const DEMO_START_MS = Date.parse("2026-01-05T09:00:00Z");

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** `assay explain` in this process; of a recording only, since a ledger needs its built worker. */
export async function explain(...args: string[]): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  const code = await runProgram(["node", "assay", "explain", ...args], {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    env: { LANG: "en_GB.UTF-8" },
    signal: new AbortController().signal,
    nowMs: () => 0,
  });
  return { code, stdout, stderr };
}

export async function explained(...args: string[]): Promise<Explanation> {
  const { code, stdout, stderr } = await explain(...args, "--json");
  if (code !== 0) throw new Error(stderr);
  return explanationSchema.parse(JSON.parse(stdout));
}

export const telemetry = (
  feature: string,
  value: number,
  weights: Evidence["weights"],
): Evidence => ({
  family: "telemetry",
  feature,
  value,
  text: `says ${value.toFixed(3)}: because`,
  weights,
});

/** A ledger's scene of one window, 10 s from 0, with these slices in it. */
export function scene(slices: readonly Slice[], over: Partial<Scene> = {}): Scene {
  return {
    source: { kind: "ledger", path: "/state" },
    atMs: 0,
    node: "node-a",
    simulated: false,
    gpu: { index: 0, uuid: "GPU-a", model: "Model A" },
    windowMs: 10_000,
    here: { window: { fromMs: 0, toMs: 10_000 }, slices },
    around: [],
    model: loadShippedData().model,
    maxRelief: loadShippedData().purposes.maxRelief,
    agentVersion: "0.0.0",
    ...over,
  };
}

/** A slice of the shipped model's: the sum can be made again. */
export function ownSlice(over: Partial<Slice>): Slice {
  const { model } = loadShippedData();
  const made = slice("GPU-a", 0, 10_000, "user:alice", "unknown", over);
  return { ...made, modelVersion: model.version, ...over };
}
