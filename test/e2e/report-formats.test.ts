import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { parseNanos } from "../../src/model/money.ts";
import { builtUrl } from "../support/built.ts";
import { Assay, assay, DEMO, type Finished } from "./support/assay.ts";

const PRICES = `currency: EUR
default: { perGpuHour: "2.371" }
energy: [{ perKwh: "0.31", from: 2025-01-01 }]
`;

let folder: string;
let stateDir: string;
let prices: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "assay-formats-"));
  stateDir = join(folder, "state");
  mkdirSync(stateDir);
  prices = join(folder, "prices.yaml");
  writeFileSync(prices, PRICES);
  const args = ["run", "--recording", DEMO, "--speed", "max", "--listen", "127.0.0.1:0"];
  const { code, stderr } = await new Assay([...args, "--state-dir", stateDir], {}).ended;
  if (code !== 0) throw new Error(stderr);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const made = async (...more: string[]): Promise<Finished> =>
  assay(["report", "--state-dir", stateDir, "--prices", prices, ...more]);

const refused = async (...more: string[]): Promise<string> => {
  const { code, stdout, stderr } = await made(...more);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  return stderr;
};

async function totalNanos(): Promise<bigint | undefined> {
  const { stdout } = await made("--format", "json");
  const { totals } = z.object({ totals: z.object({ cost: z.string() }) }).parse(JSON.parse(stdout));
  return parseNanos(totals.cost);
}

describe("a report as FOCUS", () => {
  it("sums to the report, as CSV and as Parquet of the same rows", async () => {
    const [csv, parquet] = [join(folder, "focus.csv"), join(folder, "focus.parquet")];
    for (const [format, out] of [
      ["focus-csv", csv],
      ["focus-parquet", parquet],
    ] as const) {
      const { code, stdout, stderr } = await made("--format", format, "--out", out);
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
    }
    const rows: Record<string, string>[] = parse(readFileSync(csv), { columns: true });
    const sum = rows.reduce((acc, row) => acc + (parseNanos(row.EffectiveCost ?? "") ?? 0n), 0n);
    expect(sum).toBe(await totalNanos());
    const read = await parquetReadObjects({ file: new Uint8Array(readFileSync(parquet)).buffer });
    expect(read.map((row) => row.x_Owner)).toEqual(rows.map((row) => row.x_Owner));
    expect(new Set(rows.map((row) => row.x_Simulated))).toEqual(new Set(["true"]));
  });

  it("says what the configuration says of who bills", async () => {
    const config = join(folder, "config.yaml");
    writeFileSync(config, "billing: { provider: Example University, region: eu-1 }\n");
    const args = ["-c", config, "--format", "focus-csv", "--focus-version", "1.2"];
    const { stdout } = await made(...args);
    const [row]: Record<string, string>[] = parse(stdout, { columns: true });
    expect(row).toMatchObject({
      ProviderName: "Example University",
      InvoiceIssuerName: "Example University",
      RegionId: "eu-1",
      BillingAccountId: "demo-node",
    });
  });

  it("is refused without a price list", async () => {
    const args = ["report", "--state-dir", stateDir, "--format", "focus-csv"];
    const { code, stderr } = await assay(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error report\/format: .*\n {2}hint: .*--prices/);
  });
});

describe("bytes on standard output", () => {
  it("are refused unless they are asked for", async () => {
    const stderr = await refused("--format", "focus-parquet");
    expect(stderr).toMatch(/^error report\/cannot-write: .*\n.*\n {2}hint: .*--out/);
  });

  it("go whole into a pipe", () => {
    const main = fileURLToPath(builtUrl("main.js"));
    const args = ["report", "--state-dir", stateDir, "--prices", prices];
    const { stdout, status } = spawnSync(process.execPath, [
      main,
      ...args,
      "--format",
      "focus-parquet",
      "--out",
      "-",
    ]);
    expect(status).toBe(0);
    expect(stdout.subarray(0, 4).toString()).toBe("PAR1");
    expect(stdout.subarray(-4).toString()).toBe("PAR1");
  });
});

describe("--out", () => {
  it("writes what standard output would have", async () => {
    const out = join(folder, "report.md");
    await made("--format", "markdown", "--out", out);
    expect(readFileSync(out, "utf8")).toBe((await made("--format", "markdown")).stdout);
    expect((await made("--format", "markdown", "--out", "-")).stdout).toBe(
      readFileSync(out, "utf8"),
    );
  });

  it("keeps a file that is there, but with --force", async () => {
    const out = join(folder, "there.csv");
    writeFileSync(out, "mine\n");
    const stderr = await refused("--format", "csv", "--out", out);
    expect(stderr).toMatch(
      /^error report\/cannot-write: .*\n {2}at .*there.csv\n {2}hint: .*--force/,
    );
    expect(readFileSync(out, "utf8")).toBe("mine\n");
    const { code } = await made("--format", "csv", "--out", out, "--force");
    expect(code).toBe(0);
    expect(readFileSync(out, "utf8")).toMatch(/^from,to,/);
  });

  it("refuses what is no plain file, and places that are not there", async () => {
    for (const out of [folder, "/dev/null", join(folder, "none", "x.csv"), join(prices, "x.csv")])
      expect(await refused("--format", "csv", "--out", out, "--force")).toMatch(
        /^error report\/cannot-write: .*\n {2}at .*\n {2}hint: ./,
      );
  });

  it("leaves no part of a file behind, nor a link's target changed", async () => {
    const place = join(folder, "place");
    mkdirSync(place);
    const target = join(folder, "target.csv");
    writeFileSync(target, "kept\n");
    symlinkSync(target, join(place, "link.csv"));
    await refused("--format", "csv", "--out", join(place, "link.csv"));
    await made("--format", "csv", "--out", join(place, "link.csv"), "--force");
    expect(readFileSync(target, "utf8")).toBe("kept\n");
    expect(readdirSync(place)).toEqual(["link.csv"]);
  });

  it.skipIf(process.getuid?.() === 0)("says that this user may not write there", async () => {
    const place = join(folder, "closed");
    mkdirSync(place);
    chmodSync(place, 0o500);
    const stderr = await refused("--format", "csv", "--out", join(place, "x.csv"));
    expect(stderr).toContain("may not write");
    expect(existsSync(join(place, "x.csv"))).toBe(false);
  });
});

describe("a report's window", () => {
  it("is a day as the clocks of a zone count it", async () => {
    const args = ["--time-zone", "Europe/Berlin", "--format", "json"];
    const { code, stdout } = await made(...args, "--from", "2026-03-29", "--to", "2026-03-30");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      window: { from: "2026-03-28T23:00:00Z", to: "2026-03-29T22:00:00Z" },
    });
  });

  it.each([["table"], ["focus-csv"], ["opencost"]])(
    "without data is a report that says so, as %s",
    async (format) => {
      const { code, stdout, stderr } = await made("--month", "2020-02", "--format", format);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      if (format === "table") expect(stdout).toContain("No GPU was known in this window.");
      else if (format === "opencost") expect(JSON.parse(stdout)).toMatchObject({ data: [{}] });
      else expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    },
  );

  it.each([
    ["--from", "2026-03-30", "--to", "2026-03-29"],
    ["--day", "2026-02-29"],
    ["--time-zone", "Europe/Berlin", "--from", "2026-03-29T02:30", "--to", "2026-03-30"],
  ])("is not %s %s %s %s", async (...args) => {
    expect(await refused(...args)).toMatch(/^error report\/window: /);
  });

  it("knows leap days", async () => {
    const { code, stdout } = await made("--day", "2024-02-29", "--format", "json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ window: { to: "2024-03-01T00:00:00Z" } });
  });
});

describe("a format that is none", () => {
  it.each([
    ["--format", "pdf"],
    ["--focus-version", "1.4"],
  ])("%s %s is refused with those that are", async (option, value) => {
    expect(await refused(option, value)).toMatch(
      /^error cli\/usage: .*\n {2}at --f.*\n {2}hint: one of/,
    );
  });
});
