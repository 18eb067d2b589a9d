import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { parseNanos } from "../../src/model/money.ts";
import { Assay, assay, DEMO, type Finished } from "./support/assay.ts";

const report = z.object({
  totals: z.object({ gpuMs: z.number(), energyMj: z.number(), cost: z.string() }),
  lines: z.array(
    // Energy that nobody measured is absent.
    z.object({ gpuMs: z.number(), energyMj: z.number().optional(), cost: z.string() }),
  ),
});

const PRICES = `currency: EUR
gpus:
  - model: "NVIDIA H100*"
    perGpuHour: "2.37"
    from: 2025-01-01
    to: 2026-01-05T09:07:03Z
  - model: "NVIDIA H100*"
    perGpuHour: "1.111111111"
    from: 2026-01-05T09:07:03Z
energy:
  - perKwh: "0.31"
    from: 2025-01-01
`;

let stateDir: string;
let prices: string;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "assay-e2e-"));
  prices = join(stateDir, "prices.yaml");
  writeFileSync(prices, PRICES);
  const args = ["run", "--recording", DEMO, "--speed", "max", "--listen", "127.0.0.1:0"];
  const { code, stderr } = await new Assay([...args, "--state-dir", stateDir], {}).ended;
  if (code !== 0) throw new Error(stderr);
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

const made = async (...more: string[]): Promise<Finished> =>
  assay(["report", "--state-dir", stateDir, "--prices", prices, ...more]);

const nanos = (texts: readonly string[]): bigint =>
  texts.reduce((sum, text) => sum + (parseNanos(text) ?? 0n), 0n);

describe("report on a state directory", () => {
  it("has the same totals whatever it is grouped by, to the billionth", async () => {
    const groups = ["owner", "ownerKind", "label", "gpu", "model", "node", "owner,label,gpu"];
    const found = await Promise.all(
      groups.map(async (group) => made("--format", "json", "--group-by", group)),
    );
    const reports = found.map(({ code, stdout, stderr }) => {
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return report.parse(JSON.parse(stdout));
    });
    for (const { totals, lines } of reports) {
      expect(totals).toEqual(reports[0]?.totals);
      expect(lines.reduce((sum, line) => sum + line.gpuMs, 0)).toBe(totals.gpuMs);
      expect(lines.reduce((sum, line) => sum + (line.energyMj ?? 0), 0)).toBe(totals.energyMj);
      expect(nanos(lines.map((line) => line.cost))).toBe(parseNanos(totals.cost));
    }
    expect(reports[0]?.totals.gpuMs).toBe(2 * 20 * 60_000);
    expect(parseNanos(reports[0]?.totals.cost ?? "")).toBeGreaterThan(0n);
  });

  it("sums up the same when its window is cut in two", async () => {
    const cut = "2026-01-05T09:07:07.123Z";
    const [whole, before, after] = await Promise.all(
      [[], ["--to", cut], ["--from", cut]].map(async (window) => {
        const { code, stdout, stderr } = await made("--format", "json", ...window);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        return report.parse(JSON.parse(stdout)).totals;
      }),
    );
    expect((before?.gpuMs ?? 0) + (after?.gpuMs ?? 0)).toBe(whole?.gpuMs);
    expect((before?.energyMj ?? 0) + (after?.energyMj ?? 0)).toBe(whole?.energyMj);
  });

  it("comes as a table whose lines sum to its total", async () => {
    const { code, stdout, stderr } = await made("--group-by", "owner");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.startsWith("*** SIMULATED")).toBe(true);
    const cells = stdout
      .split("\n")
      .filter((line) => line.startsWith("│"))
      .map((line) => line.split("│").map((cell) => cell.trim()));
    const costs = cells.slice(1).map((row) => row.at(-2) ?? "");
    const total = costs.at(-1) ?? "";
    expect(cells.at(-1)?.[1]).toBe("Total");
    expect(nanos(costs.slice(0, -1))).toBe(parseNanos(total));
    expect(stdout).toContain("2.37 EUR a GPU-hour of NVIDIA H100 80GB HBM3");
  });

  it("comes as CSV that reads line by line", async () => {
    const { code, stdout, stderr } = await made("--format", "csv");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head = [], ...rows] = stdout
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => line.split(","));
    expect(head.slice(0, 4)).toEqual(["from", "to", "owner", "label"]);
    expect(rows.every((row) => row.length === head.length)).toBe(true);
    const at = head.indexOf("gpu_ms");
    expect(rows.reduce((sum, row) => sum + Number(row[at]), 0)).toBe(2 * 20 * 60_000);
    expect(new Set(rows.map((row) => row.at(-1)))).toEqual(new Set(["true"])); // simulated, each
  });

  it("says that there is no price list rather than a cost of 0", async () => {
    const { code, stdout } = await assay(["report", "--state-dir", stateDir]);
    expect(code).toBe(0);
    expect(stdout).toContain("No price list: no costs.");
    expect(stdout).not.toContain("Cost");
  });
});
