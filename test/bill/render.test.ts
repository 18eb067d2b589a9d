import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { renderReportCsv } from "../../src/bill/render/csv.ts";
import { renderReportJson } from "../../src/bill/render/json.ts";
import { renderReportTable } from "../../src/bill/render/table.ts";
import { buildReport } from "../../src/bill/report.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { gpu, slice } from "../support/slices.ts";

const PRICES = parsePriceList(
  "currency: EUR\ngpus: []\ndefault: { perGpuHour: 0.000001 }\nenergy: []\n",
  "prices.yaml",
);

const reportFor = (owner: string, { simulated = false, windows = 1, prices = PRICES } = {}) => {
  const slices = Array.from({ length: windows }, (_, i) =>
    slice("G", i * 20_000, i * 20_000 + 10_000, owner, "other", { energyMj: 3_600_000_000 }),
  );
  return buildReport({
    ledger: new MemoryLedger({ gpus: [gpu("G", { simulated })], slices }),
    prices,
    window: { fromMs: 0, toMs: windows * 20_000 },
    groupBy: ["owner"],
    nowMs: 1e9,
  });
};

/** The owner cell of the first line, with its quotes taken off as RFC 4180 says. */
function ownerCell(csv: string): string {
  const row = csv.slice(csv.indexOf("\r\n") + 2);
  const match = /^[^,]*,[^,]*,(?:"((?:[^"]|"")*)"|([^,"]*)),/.exec(row);
  return match?.[1]?.replaceAll('""', '"') ?? match?.[2] ?? "";
}

describe("a CSV cell", () => {
  it.each(["=1+1", "+1", "-1", "@SUM(A1)"])(
    "that begins as the formula %s is made text",
    async (text) => {
      const csv = renderReportCsv(await reportFor(`user:${text}`));
      expect(ownerCell(csv)).toBe(`user:${text}`);
      const bare = await reportFor("user:x");
      const lines = bare.lines.map((line) => ({ ...line, group: { owner: text } }));
      expect(ownerCell(renderReportCsv({ ...bare, lines }))).toBe(`'${text}`);
    },
  );

  it.each([
    ["\t=1", "\\u{9}=1"],
    ["\r=1", "\\u{d}=1"],
    ["a\nb", "a\\u{a}b"],
    ["\u202Eevil", "\\u{202e}evil"],
  ])("%j has its control characters written out", async (text, shown) => {
    expect(ownerCell(renderReportCsv(await reportFor(`user:${text}`)))).toBe(`user:${shown}`);
  });

  it.each(["a,b", 'say "hi"', "plain", "ünï ☃", "'quoted'"])(
    "%j comes back as it was",
    async (text) => {
      expect(ownerCell(renderReportCsv(await reportFor(`user:${text}`)))).toBe(`user:${text}`);
    },
  );

  it("of ten kilobytes is cut", async () => {
    const csv = renderReportCsv(await reportFor(`user:${"x".repeat(10_240)}`));
    expect(ownerCell(csv)).toHaveLength(1025);
  });

  it("of a price or energy that is not there is empty", async () => {
    const csv = renderReportCsv({ ...(await reportFor("user:x")), currency: undefined });
    expect(csv.split("\r\n")[2]).toContain("unobserved,unobserved,10000,0.002778,,10000,,");
  });

  it("stands in rows of one length that end in CRLF", async () => {
    const rows = renderReportCsv(await reportFor("user:x")).split("\r\n");
    expect(rows.pop()).toBe("");
    expect(new Set(rows.map((row) => row.split(",").length)).size).toBe(1);
  });
});

describe("the table", () => {
  it("says SIMULATED exactly where a GPU was", async () => {
    expect(renderReportTable(await reportFor("user:x", { simulated: true }))).toMatch(
      /^\*\*\* SIMULATED/,
    );
    expect(renderReportTable(await reportFor("user:x"))).not.toContain("SIMULATED");
  });

  it("shows no control character of an owner", async () => {
    const table = renderReportTable(await reportFor("user:\u001B[31mred\u0007\n"));
    expect(table).toContain("user:\\u{1b}[31mred\\u{7}\\u{a}");
    expect(table.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  it("takes more decimals, up to four, where a cost would print as nothing", async () => {
    expect(renderReportTable(await reportFor("user:x"))).toContain("0.0000");
    const dear = parsePriceList("currency: EUR\ndefault: { perGpuHour: 7.2 }\n", "p.yaml");
    const table = renderReportTable(await reportFor("user:x", { prices: dear }));
    expect(table).toMatch(/0\.02 │/);
    expect(table).not.toContain("0.0000");
  });

  it("says what energy has no price", async () => {
    expect(renderReportTable(await reportFor("user:x"))).toContain("1.000 kWh have no price");
  });

  it.each([
    [20, false],
    [21, true],
  ])("of %d gaps counts the rest: %s", async (windows, counts) => {
    const table = renderReportTable(await reportFor("user:x", { windows }));
    expect(table).toContain(`Gaps (${windows}):`);
    expect(table.includes("… and 1 more")).toBe(counts);
  });

  it("never calls a day all observed that was not", async () => {
    const bare = await reportFor("user:x");
    const almost = renderReportTable({ ...bare, coverage: 0.999_999 });
    expect(almost).toContain("> 99.99 %");
    expect(renderReportTable({ ...bare, coverage: 1 })).toContain("100.00 %");
  });
});

describe("the JSON", () => {
  it("keeps an owner's name as it was, and money to the last digit", async () => {
    const json: unknown = JSON.parse(renderReportJson(await reportFor('user:"\n\u0000')));
    expect(json).toMatchObject({
      format: "gpu-assay/report/1",
      lines: [
        { owner: 'user:"\n\u0000', cost: "0.000000003" },
        { owner: "unobserved", cost: "0.000000003" },
      ],
      totals: { cost: "0.000000006" },
    });
  });

  it("does not have what was not measured", async () => {
    const { lines } = JSON.parse(renderReportJson(await reportFor("user:x"))) as {
      lines: Record<string, unknown>[];
    };
    expect(lines.map((line) => "energyMj" in line)).toEqual([true, false]);
  });
});
