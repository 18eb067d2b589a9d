/** Small recordings of made-up work with truth: for the fit's own tests. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { openRecordingWriter } from "../../../src/collect/recording/write.ts";
import type { Label } from "../../../src/model/label.ts";
import type { GpuReadings } from "../../../src/model/sample.ts";
import { seeded } from "../../support/seeded.ts";
import { KINDS, type Kind } from "./windows.ts";

const FROM_SECONDS = 1_800_000_000;
const SECONDS = 60;

const READINGS: Record<Kind, GpuReadings> = {
  "training-like": { powerWatts: 600, memUtil: 0.5, tensorActive: 0.7, intActive: 0.1 },
  "inference-like": { powerWatts: 350, memUtil: 0.8, tensorActive: 0.2, intActive: 0.15 },
  "mining-like": { powerWatts: 500, memUtil: 0.01, tensorActive: 0, intActive: 0.8 },
  other: { powerWatts: 450, memUtil: 0.4, tensorActive: 0, intActive: 0.2 },
};

export interface RecordingSpec {
  name: string;
  kind: Kind;
  family?: string | undefined;
  simulated?: boolean;
  /** In place of one truth line of `kind` over all of it. */
  truth?: readonly { label: Label; labels?: readonly Label[] }[];
}

export async function writeRecording(folder: string, spec: RecordingSpec): Promise<string> {
  const { name, kind, family = name, simulated = true } = spec;
  const file = join(folder, `${name}.ndjson`);
  const writer = await openRecordingWriter({ file, stdout: process.stdout, clock: () => 0 });
  await writer.write({
    kind: "node",
    node: "made-up",
    source: "made-up",
    simulated,
    intervalMs: 1000,
    gpus: [{ index: 0, uuid: `GPU-${name}`, model: "Made-up GPU", powerLimitWatts: 700 }],
  });
  const random = seeded(name.length + (name.codePointAt(0) ?? 0) * 31);
  for (let s = 0; s <= SECONDS; s += 1) {
    const noisy = Object.entries(READINGS[kind]).map(([key, value]) => [
      key,
      Number(value) * (0.95 + 0.1 * random()),
    ]);
    const atMs = (FROM_SECONDS + s) * 1000;
    await writer.write({ kind: "gpu", atMs, gpu: 0, gpuUtil: 1, ...Object.fromEntries(noisy) });
  }
  await writer.close();
  const stretch = { kind: "truth", gpu: 0, from: FROM_SECONDS, to: FROM_SECONDS + SECONDS, family };
  for (const truth of spec.truth ?? [{ label: kind }])
    appendFileSync(file, `${JSON.stringify({ ...stretch, ...truth })}\n`);
  return file;
}

/** Two families of each label, one recording each. */
export async function writeCampaign(folder: string, simulated = true): Promise<void> {
  for (const kind of KINDS)
    for (const letter of ["a", "b"])
      await writeRecording(folder, { name: `${letter}-${kind}`, kind, simulated });
}
