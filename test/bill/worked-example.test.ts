import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { renderReportCsv } from "../../src/bill/render/csv.ts";
import { renderReportJson } from "../../src/bill/render/json.ts";
import { renderReportTable } from "../../src/bill/render/table.ts";
import { buildReport } from "../../src/bill/report.ts";
import type { GroupKey } from "../../src/bill/report-types.ts";
import { LABELS } from "../../src/model/label.ts";
import { parseNanos } from "../../src/model/money.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { H100, gpu, slice } from "../support/slices.ts";

/** The worked example of docs/billing.md, read from its page and held against its figures. */
const page = readFileSync(new URL("../../docs/billing.md", import.meta.url), "utf8");
const [before = "", text = ""] = page.split("## A worked example");
const [, PRICES = ""] = /```yaml\n(.*?)```/s.exec(text) ?? [];

const at = (time: string): number => Date.parse(`2026-03-02T${time}:00Z`);
const kwh = (amount: number): number => Math.round(amount * 3_600_000_000);
const minutes = (count: number): number => count * 60_000;

/** The cells of the page's tables, by the first column's title. */
const table = (title: string, count: number): string[][] =>
  (text.split(new RegExp(`^\\| ${title} \\|`, "m"))[count] ?? "")
    .split("\n\n", 1)[0]
    ?.split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ) ?? [];

const slices = table("from", 1).map(([from = "", to = "", owner = "", name, min, used = ""]) => {
  const label = LABELS.find((known) => known === name) ?? "unknown";
  const energyMj = used === "" ? undefined : kwh(Number(used));
  return slice("GPU-1", at(from), at(to), owner, label, { timeMs: minutes(Number(min)), energyMj });
});

const ledger = new MemoryLedger({
  gpus: [gpu("GPU-1", { firstSeenMs: at("11:00") })],
  slices,
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

const nanosOf = (amount: string | undefined): bigint | undefined =>
  parseNanos((amount ?? "").replaceAll("*", ""));

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
      ["user:alice", "used", minutes(75), 2_875_000_000n, 90_000_000n],
      ["user:bob", "used", minutes(15), 625_000_000n, 15_000_000n],
      ["user:alice", "held", minutes(5), 250_000_000n, 4_000_000n],
      ["idle", "idle", minutes(10), 500_000_000n, 0n],
      ["unobserved", "unobserved", minutes(15), 750_000_000n, 0n],
    ]);
  });

  it("has the totals of the table", async () => {
    const { totals, coverage } = await report();
    expect(totals.cost).toMatchObject({
      timeNanos: 5_000_000_000n,
      energyNanos: 109_000_000n,
      totalNanos: 5_109_000_000n,
    });
    expect(totals.energyMj).toBe(kwh(0.82));
    expect(totals.energyUnmeasuredMs).toBe(minutes(25));
    expect(coverage).toBe(0.875);
  });

  it("shows the costs that come out", async () => {
    const { lines, totals } = await report();
    const costs = [...lines, totals].map(({ cost }) => cost?.totalNanos);
    expect(table("line", 1).map((cells) => nanosOf(cells.at(-1)))).toEqual(costs);
  });

  it("shows what each line bears by the policy, figure for figure", async () => {
    const { lines, totals, allocation } = await report();
    const borne = [...lines, totals].map(({ cost }) => [
      cost?.totalNanos,
      cost?.allocated?.sharedNanos,
      cost?.allocated?.overheadNanos,
      cost?.allocated?.givenNanos,
      cost?.allocated?.totalNanos,
    ]);
    expect(table("line", 2).map(([, ...cells]) => cells.map(nanosOf))).toEqual(borne);
    expect(allocation).toContain(
      "Idle time that nobody held is shared equally among the owners of the window.",
    );
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
      ["kWh", undefined, 100_000_000n, minutes(60)],
      ["kWh", undefined, 200_000_000n, minutes(35)],
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
  it("shows parts of price lists that are accepted", () => {
    const shown = [...before.matchAll(/```yaml\n(.*?)```/gs)].map(([, part = ""]) => part);
    expect(shown.length).toBeGreaterThanOrEqual(5);
    for (const part of shown) {
      const whole = part.startsWith("currency") ? part : `currency: USD\n${part}`;
      expect(() => parsePriceList(whole, "docs/billing.md")).not.toThrow();
    }
  });
});
