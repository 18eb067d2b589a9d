import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { renderReportCsv } from "../../src/bill/render/csv.ts";
import { renderReportJson } from "../../src/bill/render/json.ts";
import { renderReportTable } from "../../src/bill/render/table.ts";
import { buildReport } from "../../src/bill/report.ts";
import type { GroupKey } from "../../src/bill/report-types.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { H100, gpu, slice } from "../support/slices.ts";

/** The worked example of docs/billing.md, figure for figure. */
const at = (time: string): number => Date.parse(`2026-03-02T${time}:00Z`);
const kwh = (amount: number): number => amount * 3_600_000_000;
const minutes = (count: number): number => count * 60_000;

const PRICES = `
currency: USD
gpus:
  - { model: "NVIDIA H100*", perGpuHour: "2.00", from: 2026-01-01, to: 2026-03-02T12:00Z }
  - { model: "NVIDIA H100*", perGpuHour: "3.00", from: 2026-03-02T12:00Z }
energy:
  - { perKwh: "0.10", from: 2026-01-01 }
`;

const shared = (
  name: string,
  label: "training-like" | "inference-like",
  min: number,
  used: number,
) =>
  slice("GPU-1", at("11:30"), at("12:30"), name, label, {
    timeMs: minutes(min),
    energyMj: kwh(used),
  });

const ledger = new MemoryLedger({
  gpus: [gpu("GPU-1", { firstSeenMs: at("11:00") })],
  slices: [
    slice("GPU-1", at("11:00"), at("11:30"), "user:alice", "training-like", { energyMj: kwh(0.3) }),
    shared("user:alice", "training-like", 45, 0.4),
    shared("user:bob", "inference-like", 15, 0.1),
    slice("GPU-1", at("12:30"), at("12:45"), "idle", "idle"),
  ],
  gaps: [
    {
      node: "node-a",
      source: "daemon",
      reason: "not running",
      fromMs: at("12:45"),
      toMs: at("13:00"),
    },
  ],
});

const report = (groupBy: GroupKey[] = ["owner"]) =>
  buildReport({
    ledger,
    prices: parsePriceList(PRICES, "prices.yaml"),
    window: { fromMs: at("11:00"), toMs: at("13:00") },
    groupBy,
    nowMs: at("14:00"),
  });

describe("the worked example of docs/billing.md", () => {
  it("gives each owner the figures of the table", async () => {
    const { lines } = await report();
    const figures = lines.map(({ group, charge, gpuMs, cost }) => [
      group.owner,
      charge,
      gpuMs,
      cost?.timeNanos,
      cost?.energyNanos,
    ]);
    expect(figures).toEqual([
      ["user:alice", "used", minutes(75), 2_875_000_000n, 70_000_000n],
      ["user:bob", "used", minutes(15), 625_000_000n, 10_000_000n],
      ["idle", "idle", minutes(15), 750_000_000n, 0n],
      ["unobserved", "unobserved", minutes(15), 750_000_000n, 0n],
    ]);
  });

  it("has the totals of the table", async () => {
    const { totals, coverage } = await report();
    expect(totals.cost).toEqual({
      timeNanos: 5_000_000_000n,
      energyNanos: 80_000_000n,
      totalNanos: 5_080_000_000n,
    });
    expect(totals.energyMj).toBe(kwh(0.8));
    expect(totals.energyUnmeasuredMs).toBe(minutes(30));
    expect(coverage).toBe(0.875);
  });

  it("names the gap and its reason", async () => {
    const { unobserved } = await report();
    expect(unobserved).toEqual([
      {
        gpuUuid: "GPU-1",
        node: "node-a",
        fromMs: at("12:45"),
        toMs: at("13:00"),
        unobservedMs: minutes(15),
        hole: true,
        reasons: ["daemon: not running"],
      },
    ]);
  });

  it("says the equation in numbers", async () => {
    const { reconciliation } = await report();
    expect(reconciliation.ok).toBe(true);
    expect(reconciliation.equation).toBe(
      "7200000 GPU-ms of the window = 6300000 observed + 0 recorded as unobserved + 900000 without a slice",
    );
  });

  it("lists each price with what it was used for", async () => {
    const { rates } = await report();
    expect(rates.map(({ what, model, nanos, gpuMs }) => [what, model, nanos, gpuMs])).toEqual([
      ["gpu-hour", H100, 2_000_000_000n, minutes(60)],
      ["gpu-hour", H100, 3_000_000_000n, minutes(60)],
      ["kWh", undefined, 100_000_000n, minutes(90)],
    ]);
  });
});

describe("the worked example, rendered", () => {
  it("is this table", async () => {
    await expect(renderReportTable(await report(["owner", "label"]))).toMatchFileSnapshot(
      "examples/worked-example.txt",
    );
  });

  it("is this CSV", async () => {
    await expect(renderReportCsv(await report(["owner", "label"]))).toMatchFileSnapshot(
      "examples/worked-example.csv",
    );
  });

  it("is this JSON", async () => {
    await expect(renderReportJson(await report(["owner", "label"]))).toMatchFileSnapshot(
      "examples/worked-example.json.txt",
    );
  });
});

describe("docs/billing.md", () => {
  const page = readFileSync(new URL("../../docs/billing.md", import.meta.url), "utf8");

  it("shows a price list that is accepted", () => {
    const [, shown = ""] = /```yaml\n(.*?)```/s.exec(page) ?? [];
    expect(parsePriceList(shown, "docs/billing.md").gpus).toHaveLength(1);
  });

  it("shows the costs that come out", async () => {
    const [, example = ""] = page.split("## A worked example");
    const shown = [...example.matchAll(/^\| (\w+).*\*\*([\d.]+)\*\* \|$/gm)];
    const { lines, totals } = await report();
    const costs = [...lines, totals].map((each) => Number(each.cost?.totalNanos) / 1e9);
    expect(shown.map(([, , cost]) => Number(cost))).toEqual(costs);
  });
});
