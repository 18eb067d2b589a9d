import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { accuracyOptions } from "../../bench/accuracy/options.ts";
import { recordingPipeline } from "../../src/cli/label-recording.ts";
import type { Observation } from "../../src/model/observation.ts";
import { FEATURES } from "../../src/model/signature.ts";
import { temporaryFolder } from "../support/temporary.ts";

const T0 = 1_800_000_000;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

describe("what the accuracy is asked", () => {
  it("is a folder, and perhaps features to do without, in any order and once each", () => {
    expect(accuracyOptions(["some"])).toEqual({ directory: "some", without: [] });
    expect(accuracyOptions(["some", "--without", "powerLevel, gpuUtil,powerLevel"])).toEqual({
      directory: "some",
      without: ["gpuUtil", "powerLevel"],
    });
  });

  it("is refused with the list where a feature is unknown", () => {
    const refused = () => accuracyOptions(["some", "--without", "powerLevel,pwoerLevel"]);
    expect(refused).toThrow('no feature is called "pwoerLevel"');
    expect(refused).toThrow(FEATURES.join(", "));
  });

  it.each([
    [[]],
    [["--without", "x"]],
    [["d", "--without"]],
    [["d", "--with", "gpuUtil"]],
    [["d", "--without", "gpuUtil", "e"]],
  ])("is refused with the usage: %j", (args) => {
    expect(() => accuracyOptions(args)).toThrow("usage:");
  });
});

/** A minute of work that only its power and its rhythm tell apart from nothing. */
function* lines(): Generator<object> {
  const gpus = [{ index: 0, uuid: "GPU-1", model: "NVIDIA H100 80GB HBM3", powerLimitWatts: 700 }];
  yield { kind: "recording", version: 1, node: "n", source: "s", intervalSeconds: 1, gpus };
  for (let s = 0; s <= 60; s++)
    yield {
      kind: "gpu",
      t: T0 + s,
      gpu: 0,
      gpuUtil: 1,
      powerWatts: 640,
      memUtil: 0.5,
      smActive: 0.9,
      tensorActive: 0.6,
      dramActive: 0.5,
    };
  yield { kind: "truth", gpu: 0, from: T0, to: T0 + 60, label: "training-like" };
}

describe("a feature that is left out", () => {
  it("is in no signature and no evidence, and the others stay", () => {
    const run = (leaveOut: readonly "powerLevel"[]) => {
      const pipeline = recordingPipeline({ leaveOut });
      const seen: Observation[] = [
        {
          kind: "node",
          node: "n",
          source: "s",
          simulated: true,
          intervalMs: 1000,
          gpus: [{ index: 0, uuid: "GPU-1", model: "m", powerLimitWatts: 700 }],
        },
        ...Array.from({ length: 12 }, (_, s) => ({
          kind: "gpu" as const,
          atMs: (T0 + s) * 1000,
          gpu: 0,
          gpuUtil: 1,
          powerWatts: 640,
        })),
      ];
      const events = [...seen.flatMap((each) => pipeline.push(each)), ...pipeline.flush()];
      const [first] = events.flatMap((event) => (event.kind === "final" ? [event.result] : []));
      return { ...first?.signature.features, said: first?.evidence.map(({ feature }) => feature) };
    };
    const [all, less] = [run([]), run(["powerLevel"])];
    expect(all.powerLevel).toBeGreaterThan(0);
    expect(all.said).toContain("powerLevel");
    expect(less).not.toHaveProperty("powerLevel");
    expect(less.said).not.toContain("powerLevel");
    expect(less.gpuUtil).toBe(all.gpuUtil);
  });

  it("shows beside the full set what it adds", async () => {
    const folder = temporaryFolder("accuracy");
    const text = [...lines()].map((each) => `${JSON.stringify(each)}\n`).join("");
    writeFileSync(join(folder, "a.ndjson"), text);
    const telemetry = FEATURES.filter((name) => !name.startsWith("probe")).join(",");
    const out = await new Promise<string>((resolve, reject) => {
      const args = ["--import", "tsx", "bench/accuracy/main.ts", folder, "--without", telemetry];
      execFile(process.execPath, args, { cwd: ROOT }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
    });
    expect(out).toContain("60 GPU-seconds of truth");
    expect(out).toMatch(/all features\s+without\s+difference/);
    // Without any feature a window that works is unknown.
    expect(out).toMatch(/unknown\s+\S+ %\s+100\.0 %\s+\+/);
  });
});
