import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { LABELS } from "../../src/model/label.ts";
import { fileOf } from "../collect/recording/support/files.ts";
import { assay, DEMO } from "./support/assay.ts";

const KEYS = ["recording", "gpu", "from", "to", "label", "confidence", "evidence"];

const line = z.strictObject({
  recording: z.string(),
  gpu: z.int(),
  from: z.number(),
  to: z.number(),
  label: z.enum(LABELS),
  confidence: z.number().min(0).max(1),
  evidence: z.array(z.looseObject({ family: z.string(), text: z.string() })),
});

/** The demonstration's first five minutes, with lines for evaluation before each minute. */
function withTruth(text: string): string {
  const out: string[] = [];
  for (const [i, each] of text.split("\n").entries()) {
    out.push(each);
    if (i === 0 || i % 200 !== 0) continue;
    const t = 1_767_603_600 + i / 5;
    out.push(
      JSON.stringify({
        kind: "truth",
        gpu: 0,
        from: t,
        to: t + 60,
        label: "mining-like",
        workload: "x",
      }),
      JSON.stringify({ kind: "phase", t, on: true, name: "mining" }),
    );
  }
  return out.join("\n");
}

describe("classify --json", () => {
  it("writes only JSON lines of the documented keys to stdout", async () => {
    const { code, stdout, stderr } = await assay(["classify", DEMO, "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(240);
    for (const text of lines) {
      const parsed: unknown = JSON.parse(text);
      expect(Object.keys(z.looseObject({}).parse(parsed))).toEqual(KEYS);
      const { from, to, recording } = line.parse(parsed);
      expect(to - from).toBe(10);
      expect(recording).toBe("demo-simulated");
    }
    const labels = new Set(lines.map((text) => line.parse(JSON.parse(text)).label));
    expect([...labels]).toEqual(expect.arrayContaining(["mining-like", "training-like", "idle"]));
  });

  it("does not look at truth: lines of it change nothing", async () => {
    const text = gunzipSync(readFileSync(DEMO)).toString("utf8");
    const lines = text.split("\n").slice(0, 1600).join("\n");
    const files = [lines, withTruth(lines)].map((each) =>
      fileOf(gzipSync(`${each}\n`), "same.ndjson.gz"),
    );
    expect(withTruth(lines)).toMatch(/"kind":"truth"/);
    const [plain, told] = await Promise.all(
      files.map(async (file) => assay(["classify", file, "--json"])),
    );
    expect({ code: plain?.code, stderr: plain?.stderr }).toEqual({ code: 0, stderr: "" });
    expect(plain?.stdout.length).toBeGreaterThan(1000);
    expect(told?.stdout).toBe(plain?.stdout);
  });
});

describe("replay --json", () => {
  it("writes slices that sum to whole windows, GPU by GPU", async () => {
    const { code, stdout, stderr } = await assay(["replay", DEMO, "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const slice = z.object({ gpu: z.int(), fromMs: z.int(), toMs: z.int(), timeMs: z.int() });
    const sums = new Map<string, number>();
    for (const text of stdout.trimEnd().split("\n")) {
      const { gpu, fromMs, toMs, timeMs } = slice.parse(JSON.parse(text));
      const key = `${gpu} ${fromMs} ${toMs}`;
      sums.set(key, (sums.get(key) ?? 0) + timeMs);
    }
    expect(sums.size).toBe(240);
    expect(new Set(sums.values())).toEqual(new Set([10_000]));
  });
});
