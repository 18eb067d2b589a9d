/** Made-up recordings for the tests of the accuracy command: nothing in them was measured. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const T0 = 1_800_000_000;

export interface MadeUp {
  family: string;
  label: string;
  model?: string;
  seconds?: number;
  simulated?: boolean;
  /** Fields of every reading. */
  readings?: Record<string, number>;
  /** Further lines, at the end. */
  more?: readonly object[];
}

const READINGS = { gpuUtil: 1, powerWatts: 640, memUtil: 0.5, smActive: 0.9, tensorActive: 0.6 };

export function madeUp({ family, label, model, seconds = 60, ...rest }: MadeUp): string {
  const { simulated, readings = READINGS, more = [] } = rest;
  const gpu = { index: 0, uuid: "GPU-1", model: model ?? "NVIDIA H100 80GB HBM3" };
  const header = {
    kind: "recording",
    version: 1,
    node: "n",
    source: "s",
    ...(simulated && { simulated }),
    intervalSeconds: 1,
    gpus: [{ ...gpu, powerLimitWatts: 700 }],
  };
  const samples = Array.from({ length: seconds + 1 }, (_, s) => ({
    kind: "gpu",
    t: T0 + s,
    gpu: 0,
    ...readings,
  }));
  const truth = { kind: "truth", gpu: 0, from: T0, to: T0 + seconds, label, family };
  return [header, ...samples, truth, ...more].map((line) => `${JSON.stringify(line)}\n`).join("");
}

export function writeMadeUp(folder: string, name: string, recording: MadeUp): string {
  const file = join(folder, `${name}.ndjson`);
  writeFileSync(file, madeUp(recording));
  return file;
}
