import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReportFormat } from "../../../src/bill/formats.ts";
import { makeReport } from "../../../src/bill/make-report.ts";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { gpu, slice } from "../../support/slices.ts";

const PRICES = parsePriceList(
  "currency: EUR\ndefault: { perGpuHour: 1 }\nenergy: [{ perKwh: 1, from: 1970-01-01 }]\n",
  "prices.yaml",
);
/** Excel, LibreOffice and Google's take these for the beginning of a formula, wide ones included. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/u;
/** Characters that nobody sees, or that turn what follows around. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const hostile = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
  fc
    .tuple(
      fc.constantFrom("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", '"', "'", "|"),
      fc.string({ unit: "grapheme", maxLength: 20 }),
    )
    .map(([first, rest]) => first + rest),
  fc.constantFrom(
    '=cmd|"/C calc"!A1',
    '","","",=1+1',
    "a\r\n=1+1,b",
    "\u202Egpj.exe",
    "\uD800",
    "\uDC00\uD800",
    "x".repeat(10_240),
    `${"🙂".repeat(600)}`,
    "| `x` | [a](javascript:alert(1)) <img src=x> @everyone #1 https://evil.example",
    "`` | ``",
    "\\",
    "constructor",
    "__proto__",
  ),
);

const groups = ["owner", "user", "team", "label"] as const;

async function made(format: ReportFormat, names: readonly string[]): Promise<string> {
  const [user = "", team = "", account = ""] = names;
  const keys = [`user:${user}`, `job:${team}`, "idle"];
  const slices = keys.map((key, i) =>
    slice("G", i * 10_000, (i + 1) * 10_000, key, "other", { energyMj: 3_600_000 }),
  );
  const facts = { user, team, account, jobName: account, job: user, partition: team };
  const owners = keys.map((key, i) => ({
    key,
    owner: slices[i]?.owner ?? { kind: "idle" as const, id: "" },
    node: "node-a",
    atMs: 0,
    rule: "r",
    reason: "",
    proven: i < 2 ? facts : {},
    declared: {},
    conflicts: [],
  }));
  const report = await makeReport(
    { from: "1970-01-01", to: "1970-01-01T00:00:30Z", groupBy: groups, format },
    new MemoryLedger({ gpus: [gpu("G")], slices, owners }),
    PRICES,
    30_000,
  );
  if (typeof report !== "string") throw new Error(`${format} is no text`);
  return report;
}

const names = fc.array(hostile, { minLength: 3, maxLength: 3 });

function harmless(rows: readonly (readonly string[])[]): void {
  const [head = [], ...rest] = rows;
  for (const row of rest) {
    expect(row).toHaveLength(head.length);
    for (const cell of row) {
      expect(cell).not.toMatch(FORMULA);
      expect(cell).not.toMatch(INVISIBLE);
      expect(cell.length).toBeLessThan(8 * 2000);
    }
  }
}

describe("whatever owners are called", () => {
  it.each([
    ["csv", 3],
    ["focus-csv", 6],
  ] as const)("%s has one row a line, and no cell that is a formula", async (format, count) => {
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        const rows: string[][] = parse(await made(format, given), { relax_quotes: false });
        expect(rows).toHaveLength(1 + count);
        harmless(rows);
      }),
      { numRuns: 50 },
    );
  });

  it("slurm has one line an owner, split at bars alone, and no cell that is a formula", async () => {
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        const lines = (await made("slurm", given)).split("\n");
        expect(lines.pop()).toBe("");
        expect(lines).toHaveLength(1 + 3);
        harmless(lines.map((line) => line.split("|")));
      }),
      { numRuns: 50 },
    );
  });

  it("markdown has one row a line, and their names are code that ends where it should", async () => {
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        const text = await made("markdown", given);
        expect(text.replaceAll("\n", "")).not.toMatch(INVISIBLE);
        const rows = text.split("\n").filter((line) => line.startsWith("| `"));
        expect(rows).toHaveLength(3);
        for (const row of rows) {
          const cells = row.split("|").slice(1, -1);
          expect(cells).toHaveLength(groups.length + 6);
          for (const cell of cells.slice(0, groups.length))
            expect(cell).toMatch(/^ `[^`|]*[^`|\s][^`|]*` $/u);
        }
      }),
      { numRuns: 50 },
    );
  });

  it.each(["json", "opencost"] as const)("%s is JSON that holds each of them", async (format) => {
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        const text = await made(format, given);
        expect(text).not.toMatch(/\p{Cs}/u);
        const answer: unknown = JSON.parse(text);
        if (format === "json") expect(answer).toMatchObject({ lines: { length: 3 } });
        else {
          const [set = {}] = (answer as { data: Record<string, { name: string }>[] }).data;
          expect(Object.keys(set)).toHaveLength(3);
          for (const [name, allocation] of Object.entries(set)) expect(allocation.name).toBe(name);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("the table has one row a line", async () => {
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        const text = await made("table", given);
        expect(text.replaceAll("\n", "")).not.toMatch(INVISIBLE);
        expect(text.split("\n").filter((line) => /^│ (user|job|idle)/.test(line))).toHaveLength(3);
      }),
      { numRuns: 50 },
    );
  });
});
