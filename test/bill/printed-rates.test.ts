import { expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { buildReport } from "../../src/bill/report.ts";
import { reportFromJson } from "../../src/bill/report-document.ts";
import { renderReportJson } from "../../src/bill/render/json.ts";
import { renderReportMarkdown } from "../../src/bill/render/markdown.ts";
import { renderReportTable } from "../../src/bill/render/table.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { gpu, slice } from "../support/slices.ts";

const FROM = Date.parse("2026-01-05T00:00Z");
const TO = Date.parse("2026-01-07T00:00Z");
const LIST = `currency: USD
gpus: []
rates:
  - { of: EUR, in: USD, rate: "1.10", from: 2026-01-01 }
commitments:
  - { name: reserved, model: "*", upfront: "100", devices: 7, from: 2026-01-05, to: 2026-01-07 }
energy:
  - { perKwh: "0.30", currency: EUR, from: 2026-01-01 }
  - { perKwh: "0.20", from: 2026-01-01, hours: "22:00-06:00", days: mon-fri, timeZone: Europe/Berlin }
overhead:
  - { name: cooling, pue: "1.35" }
  - { name: rack, perGpuHour: "0.10", currency: EUR }
`;

it("prices say their hours, zone, commitment and exchange rate; overhead is listed", async () => {
  const hour = 3_600_000;
  const slices = Array.from({ length: 48 }, (_, i) =>
    slice("G", FROM + i * hour, FROM + (i + 1) * hour, "user:a", "other", { energyMj: 1000 }),
  );
  const report = await buildReport({
    ledger: new MemoryLedger({ gpus: [gpu("G", { firstSeenMs: FROM })], slices }),
    prices: parsePriceList(LIST, "p.yaml"),
    window: { fromMs: FROM, toMs: TO },
    groupBy: ["owner"],
    nowMs: TO,
  });
  const document = renderReportJson(report);
  expect(renderReportJson(reportFromJson(document))).toBe(document);
  const table = renderReportTable(report);
  expect(table.match(/commitment reserved/g)).toHaveLength(1);
  for (const part of [
    ", 22:00-06:00 mon-fri Europe/Berlin",
    "0.33 USD a kWh",
    ", all other hours, converted at 1 EUR = 1.10 USD",
    "PUE 1.35, ",
    "overhead cooling",
    "0.11 USD a GPU-hour, ",
    "overhead rack, converted at 1 EUR = 1.10 USD",
  ])
    expect(table).toContain(part);
  const markdown = renderReportMarkdown(report);
  for (const part of [
    "commitment `reserved`",
    "`22:00-06:00 mon-fri Europe/Berlin`",
    "overhead `rack`",
  ])
    expect(markdown).toContain(part);
});
