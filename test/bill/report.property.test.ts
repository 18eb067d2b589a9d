import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatInstant } from "../../src/bill/instant.ts";
import { parsePriceList } from "../../src/bill/price-list.ts";
import type { PriceList } from "../../src/bill/price-types.ts";
import { printMoney } from "../../src/bill/printed-money.ts";
import { buildReport } from "../../src/bill/report.ts";
import { GROUP_KEYS, type GroupKey, type Report } from "../../src/bill/report-types.ts";
import type { MemoryLedger } from "../support/memory-ledger.ts";
import { randomLedgers } from "../support/random-ledger.ts";

const WINDOW_MS = 1000;
const WINDOWS = 8;
const END = WINDOW_MS * WINDOWS;
const ledgers = randomLedgers({ baseMs: 0, windowMs: WINDOW_MS, windows: WINDOWS }).map(
  ({ ledger }) => ledger,
);

const decimal = fc
  .tuple(fc.nat({ max: 99 }), fc.nat({ max: 999_999_999 }))
  .map(([whole, nanos]) => `${whole}.${String(nanos).padStart(9, "0")}`);

/** A series of prices, one after the other, that change at random instants. */
const series = fc
  .uniqueArray(fc.record({ fromMs: fc.integer({ min: 1, max: END - 1 }), price: decimal }), {
    selector: (each) => each.fromMs,
    maxLength: 4,
  })
  .chain((changes) => fc.tuple(decimal, fc.constant(changes.sort((a, b) => a.fromMs - b.fromMs))))
  .map(([first, changes]) => [{ fromMs: 0, price: first }, ...changes]);

const yaml = (of: readonly { fromMs: number; price: string }[], head: string): string =>
  of
    .map(({ fromMs, price }, i) => {
      const next = of[i + 1];
      const to = next ? `, to: "${formatInstant(next.fromMs)}"` : "";
      return `  - { ${head}: "${price}", from: "${formatInstant(fromMs)}"${to} }\n`;
    })
    .join("");

const priceLists = fc
  .tuple(series, series, fc.option(series, { nil: [] }))
  .map(([h100, a100, energy]) =>
    parsePriceList(
      [
        "currency: USD\ngpus:\n",
        yaml(h100, 'model: "*H100", perGpuHour'),
        yaml(a100, 'model: "NVIDIA A100", perGpuHour'),
        energy.length > 0 ? `energy:\n${yaml(energy, "perKwh")}` : "",
      ].join(""),
      "prices.yaml",
    ),
  );

const instants = fc.uniqueArray(fc.nat({ max: END + WINDOW_MS }), { minLength: 3, maxLength: 3 });
const groupings = fc.subarray([...GROUP_KEYS]);

const reportOf = (
  ledger: MemoryLedger,
  prices: PriceList,
  [fromMs, toMs]: readonly [number, number],
  groupBy: GroupKey[],
): Promise<Report> =>
  buildReport({ ledger, prices, window: { fromMs, toMs }, groupBy, nowMs: 10 * END });

const sorted = (of: readonly number[]): [number, number, number] => {
  const [a = 0, b = 0, c = 0] = [...of].sort((x, y) => x - y);
  return [a, b, c];
};

const sum = (of: readonly number[]): number => of.reduce((acc, each) => acc + each, 0);
const sumBig = (of: readonly bigint[]): bigint => of.reduce((acc, each) => acc + each, 0n);

describe("for any slices, prices, window and grouping", () => {
  it("the lines sum to the whole in ms, mJ and nanos", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, priceLists, instants, groupings, async (ledger, prices, at, by) => {
        const [fromMs, , toMs] = sorted(at);
        const { lines, totals, gpus } = await reportOf(ledger, prices, [fromMs, toMs], by);
        expect(sum(lines.map((line) => line.gpuMs))).toBe(totals.gpuMs);
        expect(sum(gpus.map((each) => each.toMs - each.fromMs))).toBe(totals.gpuMs);
        expect(sum(lines.map((line) => line.energyMj))).toBe(totals.energyMj);
        expect(sum(lines.map((l) => l.energyUnmeasuredMs))).toBe(totals.energyUnmeasuredMs);
        expect(sum(lines.map((line) => line.idleEnergyMj))).toBe(totals.idleEnergyMj);
        expect(sum(lines.map((line) => line.dynamicEnergyMj))).toBe(totals.dynamicEnergyMj);
        for (const line of lines) {
          const split = line.idleEnergyMj + line.dynamicEnergyMj;
          expect(Math.min(line.idleEnergyMj, line.dynamicEnergyMj)).toBeGreaterThanOrEqual(0);
          if (line.energyUnsplitMs === 0) expect(split).toBe(line.energyMj);
          else expect(split).toBeLessThanOrEqual(line.energyMj);
        }
        const cost = (of: "timeNanos" | "energyNanos" | "totalNanos") =>
          sumBig(lines.map((line) => line.cost?.[of] ?? 0n));
        expect(cost("timeNanos")).toBe(totals.cost?.timeNanos);
        expect(cost("energyNanos")).toBe(totals.cost?.energyNanos);
        expect(cost("totalNanos")).toBe(totals.cost?.totalNanos);
      }),
    );
  });

  it("every grouping gives the same totals", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(ledgers, priceLists, instants),
        groupings,
        groupings,
        async ([ledger, prices, at], one, other) => {
          const [fromMs, , toMs] = sorted(at);
          const a = await reportOf(ledger, prices, [fromMs, toMs], one);
          const b = await reportOf(ledger, prices, [fromMs, toMs], other);
          expect(a.totals).toEqual(b.totals);
          expect(a.coverage).toBe(b.coverage);
        },
      ),
    );
  });

  it("the cost of time is that of each device at its prices, millisecond by millisecond", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, priceLists, instants, async (ledger, prices, at) => {
        const [fromMs, , toMs] = sorted(at);
        const { gpus, totals } = await reportOf(ledger, prices, [fromMs, toMs], ["owner"]);
        let exact = 0n;
        for (const device of gpus) {
          const pattern = device.model.endsWith("H100") ? "*H100" : device.model;
          for (const price of prices.gpus.filter((each) => each.pattern === pattern)) {
            const start = Math.max(price.fromMs, device.fromMs);
            const end = Math.min(price.toMs, device.toMs);
            if (end > start) exact += BigInt(end - start) * price.nanos;
          }
        }
        expect(totals.cost?.timeNanos).toBe((exact + 1_800_000n) / 3_600_000n);
      }),
    );
  });

  it("neighbouring windows add up to the window of both, line by line", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, priceLists, instants, groupings, async (ledger, prices, at, by) => {
        const [first, middle, last] = sorted(at);
        const parts = [
          await reportOf(ledger, prices, [first, middle], by),
          await reportOf(ledger, prices, [middle, last], by),
        ];
        const whole = await reportOf(ledger, prices, [first, last], by);
        for (const line of whole.lines) {
          const own = parts.flatMap((part) => part.lines.filter((each) => each.key === line.key));
          expect(sum(own.map((each) => each.gpuMs))).toBe(line.gpuMs);
          expect(sum(own.map((each) => each.energyMj))).toBe(line.energyMj);
          expect(sum(own.map((each) => each.idleEnergyMj))).toBe(line.idleEnergyMj);
        }
        expect(sum(parts.map((part) => part.totals.gpuMs))).toBe(whole.totals.gpuMs);
      }),
    );
  });

  it("printed costs sum to the printed total, down and across", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, priceLists, instants, groupings, async (ledger, prices, at, by) => {
        const [fromMs, , toMs] = sorted(at);
        const report = await reportOf(ledger, prices, [fromMs, toMs], by);
        const money = printMoney(report);
        const units = (text = "0"): bigint => BigInt(text.replace(".", ""));
        const rows = [...(money?.lines.values() ?? [])];
        for (const column of [0, 1, 2])
          expect(sumBig(rows.map((row) => units(row[column])))).toBe(units(money?.total[column]));
        for (const row of rows) expect(units(row[0]) + units(row[1])).toBe(units(row[2]));
      }),
    );
  });
});
