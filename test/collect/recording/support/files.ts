import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { AssayError } from "../../../../src/model/errors.ts";
import type { Observation } from "../../../../src/model/observation.ts";
import { type ReadOptions, RecordingReader } from "../../../../src/collect/recording/read.ts";

export const T0 = 1_700_000_000;

export const HEADER = {
  kind: "recording",
  version: 1,
  node: "n1",
  source: "nvml",
  intervalSeconds: 1,
  gpus: [
    { index: 0, uuid: "GPU-a", model: "Model A" },
    { index: 1, uuid: "GPU-b", model: "Model B" },
  ],
};

/** A valid line about GPU `gpu`, `second` seconds after T0. */
export function gpuLine(second: number, gpu = 0, fields: object = {}): object {
  return { kind: "gpu", t: T0 + second, gpu, ...fields };
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "assay-recording-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function fileOf(content: string | Buffer, name = "a.ndjson"): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

/** The lines as a recording's text; what is no string is written as JSON. */
export function textOf(lines: readonly (object | string)[]): string {
  return lines
    .map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`)
    .join("");
}

export function plainFile(lines: readonly (object | string)[]): string {
  return fileOf(textOf(lines));
}

export function gzipFile(lines: readonly (object | string)[]): string {
  return fileOf(gzipSync(textOf(lines)), "a.ndjson.gz");
}

export async function readAll(
  file: string,
  options?: ReadOptions,
): Promise<{ observations: Observation[]; lines: number[]; reader: RecordingReader }> {
  const reader = new RecordingReader(file, options);
  const observations: Observation[] = [];
  const lines: number[] = [];
  for await (const { observation, line } of reader) {
    observations.push(observation);
    lines.push(line);
  }
  return { observations, lines, reader };
}

/** The AssayError that the step ends in. */
export async function failureOf(step: Promise<unknown>): Promise<AssayError> {
  const error = await step.then(
    () => new Error("it did not fail"),
    (cause: unknown) => cause,
  );
  if (error instanceof AssayError) return error;
  throw error;
}
