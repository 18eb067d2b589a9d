import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budgetReport } from "../../src/bill/budget-report.ts";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { buildReport } from "../../src/bill/report.ts";
import { BudgetMeter } from "../../src/daemon/budgets.ts";
import type { KnownOwner } from "../../src/ledger/contract.ts";
import { parseOwnerKey, UNATTRIBUTED } from "../../src/model/owner.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { decimal, randomBooks } from "../support/random-book.ts";
import { randomLedgers } from "../support/random-ledger.ts";
import type { gpu, slice } from "../support/slices.ts";

/** Across midnight UTC, by windows that midnight cuts. */
const MIDNIGHT = Date.UTC(2026, 9, 25);
const GRID = { baseMs: MIDNIGHT - 2_500_000, windowMs: 600_000, windows: 8 };
const END = GRID.baseMs + GRID.windowMs * GRID.windows;
const OWNERS = ["user:a", "user:b", "container:c", "container:z", "agent", "unattributed"];
const known = (key: string, team: string): KnownOwner => ({
  node: "node-a",
  key,
  atMs: 0,
  owner: parseOwnerKey(key) ?? UNATTRIBUTED,
  rule: "r",
  reason: "",
  proven: { team },
  declared: {},
  conflicts: [],
});
const BUDGETS = [...OWNERS, "team:vision", "container:*"].map((owner) => ({
  owner,
  limit: "1",
  period: "day" as const,
}));

/** GPU-hours and kWh of such prices cost whole billionths by the millisecond and the millijoule. */
const roundAmount = fc.nat({ max: 99 }).map((n) => ((n * 36) / 10).toFixed(1));

describe("what the daemon counts, what assay budget says and what the report bills", () => {
  const spentBy = async (
    {
      gpus,
      slices,
    }: { gpus: readonly ReturnType<typeof gpu>[]; slices: readonly ReturnType<typeof slice>[] },
    text: string,
  ) => {
    const prices = parsePriceList(text, "prices.yaml");
    const owners = ["user:b", "container:z"].map((key) => known(key, "vision"));
    const ledger = new MemoryLedger({ gpus, slices, owners });
    const meter = new BudgetMeter(BUDGETS, prices);
    for (const each of gpus) meter.noteGpu(each);
    const live = new Map(BUDGETS.map(({ owner }) => [owner, 0n]));
    const windows = [...new Set(slices.map(({ fromMs }) => fromMs))].sort((a, b) => a - b);
    for (const [i, fromMs] of windows.entries()) {
      // The team of some becomes known when they have spent already.
      if (i === windows.length - 1) meter.noteOwners(owners);
      const batch = slices.filter((each) => each.fromMs === fromMs);
      for (const fact of meter.observe(batch, fromMs)) live.set(fact.ownerKey, fact.spentNanos);
    }
    for (const fact of meter.observe([], END + 60_000)) live.set(fact.ownerKey, fact.spentNanos);
    const restarted = new BudgetMeter(BUDGETS, prices);
    await restarted.restore(ledger);
    const asked = await budgetReport(ledger, prices, BUDGETS, END);
    const bill = await buildReport({
      ledger,
      prices,
      window: { fromMs: MIDNIGHT, toMs: END },
      groupBy: ["owner"],
      nowMs: END,
    });
    return { prices, live, asked, bill };
  };

  const ledgers = randomLedgers({ ...GRID }).filter(({ slices }) =>
    slices.some(({ fromMs }) => fromMs >= MIDNIGHT),
  );
  const window = { fromMs: GRID.baseMs, toMs: END };

  it("is the same to the billionth where nothing needs rounding", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, roundAmount, roundAmount, async (random, hour, kwh) => {
        const text = `currency: USD\ngpus:\n  - { model: "*", perGpuHour: ${hour}, from: 2020-01-01, to: 2026-10-25T00:11:00.001Z }\n  - { model: "*", perGpuHour: 7.2, from: 2026-10-25T00:11:00.001Z }\nenergy:\n  - { perKwh: ${kwh}, from: 2020-01-01 }\n  - { perKwh: 3.6, from: 2020-01-01, hours: "02:05-02:15", timeZone: Europe/Berlin }\n`;
        const { live, asked, bill } = await spentBy(random, text);
        for (const { owner, spentNanos } of asked.budgets) {
          expect(live.get(owner)).toBe(spentNanos);
          if (!OWNERS.includes(owner)) continue;
          const own = bill.lines.filter(({ group }) => group.owner === owner);
          const billed = own.reduce((acc, { cost }) => acc + (cost?.totalNanos ?? 0n), 0n);
          expect(billed).toBe(spentNanos);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("is the same for any price book, but for the bill's rounding of time and of energy", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, randomBooks(window, decimal), async (random, text) => {
        const { prices, live, asked, bill } = await spentBy(random, text);
        for (const { owner, spentNanos } of asked.budgets) {
          expect(live.get(owner)).toBe(spentNanos);
          if (!OWNERS.includes(owner)) continue;
          const isOwn = prices.allocation?.idleHeld !== "shared";
          const billed = bill.lines
            .filter(({ group, charge }) => group.owner === owner && (isOwn || charge === "used"))
            .reduce((acc, { cost }) => acc + (cost?.totalNanos ?? 0n), 0n);
          const off = billed - spentNanos;
          expect(off >= -2n && off <= 2n).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });
});
