import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AllocatedCharge, allocatedCharges } from "../../../src/bill/focus/charges.ts";
import { monthEnds } from "../../../src/bill/focus/months.ts";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import { reportOf, withBooks } from "../../../src/bill/report.ts";
import { NANOS_PER_UNIT } from "../../../src/model/money.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { gpu, slice } from "../../support/slices.ts";

const MARCH = Date.parse("2026-03-01T00:00:00Z");
const OWNERS = ["user:alice", "user:bob", "idle:user:alice", "idle", "unattributed", "unobserved"];

/** Slices of two devices that fill windows around a month's end, each split among owners. */
const history = fc.array(
  fc.record({
    gpu: fc.constantFrom("G1", "G2"),
    cutMs: fc.integer({ min: 0, max: 10_000 }),
    first: fc.constantFrom(...OWNERS),
    second: fc.constantFrom(...OWNERS),
    energyMj: fc.option(fc.integer({ min: 0, max: 4_000_000 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 12 },
);

const price = fc.integer({ min: 0, max: 9_999_999_999 }).map((nanos) => `${nanos / 1e9}`);

/** At most nine decimals, and no exponent. */
const decimal = (text: string): string => Number(text).toFixed(9);

async function booksOf(
  windows: typeof history extends fc.Arbitrary<infer T> ? T : never,
  prices: {
    before: string;
    after: string;
    kwh: string | undefined;
    isShared: boolean;
  },
) {
  const next = { G1: MARCH - 60_000, G2: MARCH - 60_000 };
  const slices = windows.flatMap(({ gpu: name, cutMs, first, second, energyMj }) => {
    const key = name === "G1" ? "G1" : "G2";
    const fromMs = next[key];
    next[key] += 10_000;
    const part = (owner: string, timeMs: number) =>
      slice(name, fromMs, fromMs + 10_000, owner, "other", { timeMs, energyMj });
    return [part(first, cutMs), part(second, 10_000 - cutMs)].filter(({ timeMs }) => timeMs > 0);
  });
  const list = parsePriceList(
    [
      "currency: EUR",
      "gpus:",
      `  - { model: "*", perGpuHour: "${decimal(prices.before)}", from: 2026-01-01, to: 2026-03-01T00:00:07Z }`,
      `  - { model: "*", perGpuHour: "${decimal(prices.after)}", from: 2026-03-01T00:00:07Z }`,
      prices.kwh === undefined
        ? "energy: []"
        : `energy: [{ perKwh: "${decimal(prices.kwh)}", from: 2026-01-01 }]`,
      ...(prices.isShared
        ? [
            "overhead: [{ name: rent, perGpuHour: '0.10' }, { name: cooling, pue: 1.3 }]",
            "allocation: { idleFree: proportional, unobserved: even }",
          ]
        : []),
      "",
    ].join("\n"),
    "prices.yaml",
  );
  const known = ["G1", "G2"].map((name) => gpu(name, { firstSeenMs: MARCH - 60_000 }));
  return withBooks(
    {
      ledger: new MemoryLedger({ gpus: known, slices }),
      prices: list,
      window: { fromMs: MARCH - 60_000, toMs: MARCH + 60_000 },
      nowMs: MARCH + 60_000,
      cuts: monthEnds,
    },
    (books) => ({ books, report: reportOf(books, ["owner"]) }),
  );
}

const sum = (of: readonly AllocatedCharge[], figure: (charge: AllocatedCharge) => bigint) =>
  of.reduce((acc, charge) => acc + figure(charge), 0n);

describe("FOCUS charges", () => {
  it("sum to the report's cost, and the parts of each origin charge to it in every figure", async () => {
    await fc.assert(
      fc.asyncProperty(
        history,
        price,
        price,
        fc.option(price, { nil: undefined }),
        fc.boolean(),
        async (windows, before, after, kwh, isShared) => {
          const { books, report } = await booksOf(windows, { before, after, kwh, isShared });
          const charges = allocatedCharges(books.pieces);
          const { cost, gpuMs } = report.totals;
          const whole = (cost?.totalNanos ?? 0n) + (cost?.allocated?.overheadNanos ?? 0n);
          expect(sum(charges, ({ effective }) => effective)).toBe(whole);
          const ofTime = charges.filter(({ origin }) => origin.kind === "time");
          expect(ofTime.reduce((ms, { amount }) => ms + amount, 0)).toBe(gpuMs);
          for (const origin of new Set(charges.map((charge) => charge.origin))) {
            const own = charges.filter((charge) => charge.origin === origin);
            for (const figure of ["effective", "contracted", "list", "quantity"] as const)
              expect(sum(own, (charge) => charge[figure])).toBe(origin[figure]);
            expect(sum(own, ({ ratioNanos }) => ratioNanos)).toBe(NANOS_PER_UNIT);
            // The product of what is printed is the cost, but for what rounding the quantity leaves.
            const product = origin.listUnitNanos * origin.quantity;
            const difference = product - origin.list * NANOS_PER_UNIT;
            const least = origin.listUnitNanos + 2n * NANOS_PER_UNIT;
            expect(difference <= least && -difference <= least).toBe(true);
            expect(origin.month.fromMs <= origin.fromMs && origin.toMs <= origin.month.toMs).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
