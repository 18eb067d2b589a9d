import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { buildReport } from "../../src/bill/report.ts";
import { reportFromJson } from "../../src/bill/report-document.ts";
import { renderReportJson } from "../../src/bill/render/json.ts";
import { GROUP_KEYS } from "../../src/bill/report-types.ts";
import { renderStored } from "../../src/bill/stored-formats.ts";
import { differenceOf } from "../../src/bill/difference.ts";
import { compared, periodBefore } from "../../src/bill/compare.ts";
import { anyLedger, LEDGER_END_MS as END } from "../support/any-ledger.ts";

const OWNERS = [
  "user:a",
  "container:b",
  "idle:user:a",
  "agent",
  "unattributed",
  "idle",
  "unobserved",
];
const ledgers = anyLedger(OWNERS);
const PRICES = parsePriceList(
  `currency: EUR
default: { perGpuHour: "2.370000001" }
gpus: []
energy:
  - { perKwh: "0.123456789", currency: USD, from: 1970-01-01 }
  - { perKwh: "0.1", from: 1970-01-01, hours: "00:00-00:01", timeZone: UTC }
rates:
  - { of: USD, in: EUR, rate: "0.91", from: 1970-01-01 }
overhead:
  - { name: rack, perGpuHour: "0.1", currency: USD }
  - { name: cooling, pue: "1.35" }
`,
  "prices.yaml",
);
const prices = fc.constantFrom(PRICES, undefined);
const groupings = fc.subarray([...GROUP_KEYS]);
const bounds = fc
  .uniqueArray(fc.nat({ max: END + 1000 }), { minLength: 2, maxLength: 2 })
  .map((two) => two.sort((a, b) => a - b))
  .map(([fromMs = 0, toMs = 1]) => ({ fromMs, toMs }));

describe("for any slices, prices, window and groups", () => {
  it("a report read from its document is rendered as it was, in each format of its own", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, prices, bounds, groupings, async (ledger, list, window, by) => {
        const nowMs = 10 * END;
        const report = await buildReport({ ledger, prices: list, window, groupBy: by, nowMs });
        const document = renderReportJson(report);
        const again = reportFromJson(document);
        expect(again.lines).toEqual(report.lines.map((line) => ({ ...line })));
        for (const format of ["json", "csv", "table", "markdown"] as const)
          expect(renderStored(again, format)).toBe(renderStored(report, format));
        expect(renderReportJson(again)).toBe(document);
      }),
    );
  });

  it("two reports differ by what their lines differ by, and one from itself by nothing", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, ledgers, prices, bounds, async (one, other, list, window) => {
        const make = async (ledger: typeof one) =>
          buildReport({ ledger, prices: list, window, groupBy: ["owner", "label"], nowMs: 1e6 });
        const [before, after] = [await make(one), await make(other)];
        const { lines, totals, same } = differenceOf(before, after);
        expect(lines.reduce((acc, line) => acc + line.gpuMs, 0)).toBe(totals.gpuMs);
        expect(lines.reduce((acc, line) => acc + line.energyMj, 0)).toBe(totals.energyMj);
        expect(lines.reduce((acc, line) => acc + (line.costNanos ?? 0n), 0n)).toBe(
          totals.costNanos ?? 0n,
        );
        expect(totals.gpuMs).toBe(after.totals.gpuMs - before.totals.gpuMs);
        expect(new Set([...before.lines, ...after.lines].map(({ key }) => key)).size).toBe(
          lines.length + same,
        );
        expect(differenceOf(after, after).lines).toEqual([]);
        const back = compared(after, before);
        expect(back.totals.gpuMs).toBe(totals.gpuMs);
        expect(back.lines.reduce((acc, line) => acc + line.gpuMs, 0)).toBe(totals.gpuMs);
      }),
    );
  });
});

describe("a document that is none", () => {
  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["another format", '{"format":"gpu-assay/report/2"}'],
    ["a report without lines", '{"format":"gpu-assay/report/1","simulated":false}'],
  ])("%s is refused", (_, text) => {
    expect(() => reportFromJson(text)).toThrow(/no report that can be read/);
  });
});

describe("the period before", () => {
  const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);
  it.each([
    ["2026-03-01", "2026-04-01", "2026-02-01"],
    ["2024-03-01", "2024-04-01", "2024-02-01"],
    ["2026-01-01", "2026-04-01", "2025-10-01"],
    ["2026-03-02", "2026-03-09", "2026-02-23"],
    ["2026-02-28", "2026-03-01", "2026-02-27"],
  ])("%s to %s begins %s", (from, to, before) => {
    expect(periodBefore({ fromMs: day(from), toMs: day(to) })).toEqual({
      fromMs: day(before),
      toMs: day(from),
    });
  });
});
