import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inCurrency } from "../../src/bill/price-currency.ts";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { printMoney } from "../../src/bill/printed-money.ts";
import { buildReport } from "../../src/bill/report.ts";
import {
  GROUP_KEYS,
  type GroupKey,
  type LineCost,
  type Report,
} from "../../src/bill/report-types.ts";
import type { LedgerReader } from "../../src/ledger/contract.ts";
import { decimal, randomBooks } from "../support/random-book.ts";
import { randomLedgers } from "../support/random-ledger.ts";

/** Around the end of summer time in Berlin: the clock is set back at 01:00Z. */
const GRID = { baseMs: Date.UTC(2026, 9, 25, 0, 20), windowMs: 600_000, windows: 8 };
const END = GRID.baseMs + GRID.windowMs * GRID.windows;
const WHOLE = { fromMs: GRID.baseMs, toMs: END };
const RUNS = { numRuns: 40 };

const ledgers = randomLedgers(GRID).map(({ ledger }) => ledger);
const books = fc
  .tuple(randomBooks(WHOLE, decimal), fc.constantFrom("USD", "EUR"))
  .map(([text, code]) => inCurrency(parsePriceList(text, "prices.yaml"), code));
const groupings = fc.subarray([...GROUP_KEYS]);
const instants = fc
  .uniqueArray(fc.integer({ min: WHOLE.fromMs, max: END }), { minLength: 3, maxLength: 3 })
  .map((of): [number, number, number] => {
    const [a = 0, b = 0, c = 0] = of.sort((x, y) => x - y);
    return [a, b, c];
  });

const reportOf = (
  ledger: LedgerReader,
  prices: ReturnType<typeof parsePriceList>,
  [fromMs, toMs]: readonly [number, number],
  groupBy: readonly GroupKey[],
): Promise<Report> =>
  buildReport({ ledger, prices, window: { fromMs, toMs }, groupBy, nowMs: END });

const total = (of: readonly (bigint | undefined)[]): bigint =>
  of.reduce<bigint>((acc, each) => acc + (each ?? 0n), 0n);

const COSTS: readonly ((cost: LineCost | undefined) => bigint | undefined)[] = [
  (cost) => cost?.timeNanos,
  (cost) => cost?.energyNanos,
  (cost) => cost?.totalNanos,
  (cost) => cost?.listNanos,
  (cost) => cost?.contractedNanos,
  (cost) => cost?.allocated?.sharedNanos,
  (cost) => cost?.allocated?.overheadNanos,
  (cost) => cost?.allocated?.givenNanos,
  (cost) => cost?.allocated?.totalNanos,
];

/** What an owner pays and bears, over all their lines. */
const borne = ({ lines }: Report): Map<string, [bigint, bigint]> => {
  const out = new Map<string, [bigint, bigint]>();
  for (const { group, cost } of lines) {
    const [paid, all] = out.get(group.owner ?? "") ?? [0n, 0n];
    const more = cost?.allocated?.totalNanos ?? 0n;
    out.set(group.owner ?? "", [paid + (cost?.totalNanos ?? 0n), all + more]);
  }
  return out;
};

describe("for any slices, price book, policy, window, currency and grouping", () => {
  it("each kind of cost of the lines sums to its total, which no grouping changes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(ledgers, books, instants),
        groupings,
        groupings,
        async ([ledger, book, [fromMs, , toMs]], one, other) => {
          const a = await reportOf(ledger, book, [fromMs, toMs], one);
          const b = await reportOf(ledger, book, [fromMs, toMs], other);
          for (const { lines, totals } of [a, b])
            for (const of of COSTS)
              expect(total(lines.map(({ cost }) => of(cost)))).toBe(of(totals.cost) ?? 0n);
          const { allocated: x, ...own } = a.totals.cost ?? {};
          const { allocated: y, ...alike } = b.totals.cost ?? {};
          expect(own).toEqual(alike);
          expect([x?.totalNanos, x?.overheadNanos, x?.givenNanos]).toEqual([
            y?.totalNanos,
            y?.overheadNanos,
            y?.givenNanos,
          ]);
          expect(a.totals.carbonMilligrams).toBe(b.totals.carbonMilligrams);
          expect(a.totals.confidenceMs).toBe(b.totals.confidenceMs);
        },
      ),
      RUNS,
    );
  });

  it("an owner pays and bears the same to the last unit, however the lines are drawn", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, books, groupings, async (ledger, book, more) => {
        const by: GroupKey[] = ["owner", ...more.filter((key) => key !== "owner")];
        const coarse = await reportOf(ledger, book, [WHOLE.fromMs, END], ["owner"]);
        const fine = await reportOf(ledger, book, [WHOLE.fromMs, END], by);
        expect(borne(fine)).toEqual(borne(coarse));
      }),
      RUNS,
    );
  });

  it("two neighbouring windows cost what both together do, but for the rounding of each", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, books, instants, async (ledger, book, [first, middle, last]) => {
        const one = await reportOf(ledger, book, [first, middle], ["owner"]);
        const two = await reportOf(ledger, book, [middle, last], ["owner"]);
        const both = await reportOf(ledger, book, [first, last], ["owner"]);
        for (const of of COSTS.slice(0, 2)) {
          const apart = (of(one.totals.cost) ?? 0n) + (of(two.totals.cost) ?? 0n);
          const off = apart - (of(both.totals.cost) ?? 0n);
          expect(off >= -1n && off <= 1n).toBe(true);
        }
        expect(one.totals.gpuMs + two.totals.gpuMs).toBe(both.totals.gpuMs);
      }),
      RUNS,
    );
  });

  it("what is printed adds up, down and across", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, books, groupings, async (ledger, book, by) => {
        const report = await reportOf(ledger, book, [WHOLE.fromMs, END], by);
        const money = printMoney(report);
        const units = (text = "0"): bigint => BigInt(text.replace(".", ""));
        const rows = [...(money?.lines.values() ?? [])];
        for (const [column] of (money?.total ?? []).entries())
          expect(total(rows.map((row) => units(row[column])))).toBe(units(money?.total[column]));
        for (const [time, energy, cost, shared, over, borneCost] of rows) {
          expect(units(time) + units(energy)).toBe(units(cost));
          if (borneCost !== undefined)
            expect(units(cost) + units(shared) + units(over)).toBe(units(borneCost));
        }
      }),
      RUNS,
    );
  });

  it("a tariff that is the same at all hours makes the bill of a flat one", async () => {
    const flat = "currency: EUR\ndefault: { perGpuHour: 1 }\nenergy:\n";
    await fc.assert(
      fc.asyncProperty(
        ledgers,
        decimal,
        fc.integer({ min: 1, max: 1439 }),
        groupings,
        async (ledger, price, cut, by) => {
          const clock = `${String(Math.floor(cut / 60)).padStart(2, "0")}:${String(cut % 60).padStart(2, "0")}`;
          const timed = ["00:00-", "-24:00"].map((end) =>
            end.startsWith("-") ? clock + end : end + clock,
          );
          const entry = (hours: string) => `  - { perKwh: "${price}", from: 2020-01-01${hours} }\n`;
          const zone = ', timeZone: "Europe/Berlin"';
          const book = flat + timed.map((hours) => entry(`, hours: "${hours}"${zone}`)).join("");
          const one = await reportOf(
            ledger,
            parsePriceList(flat + entry(""), "p"),
            [WHOLE.fromMs, END],
            by,
          );
          const other = await reportOf(ledger, parsePriceList(book, "p"), [WHOLE.fromMs, END], by);
          expect(other.lines).toEqual(one.lines);
          expect(other.totals).toEqual(one.totals);
        },
      ),
      RUNS,
    );
  });
});
