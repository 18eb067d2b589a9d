import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { type Budget, BudgetMeter } from "../../src/daemon/budgets.ts";
import type { Slice } from "../../src/model/slice.ts";
import { gpu, opened, slice } from "../ledger/fixtures/make.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Midnight UTC, the first of a month. */
const MARCH = Date.UTC(2026, 2, 1);

const PRICES = parsePriceList(
  `currency: USD
gpus:
  - { model: "Test GPU", perGpuHour: "3.60", from: 2026-01-01, to: 2026-03-01T12:00:05Z }
  - { model: "Test GPU", perGpuHour: "7.20", from: 2026-03-01T12:00:05Z }
energy:
  - { perKwh: "0.36", from: 2026-01-01 }
`,
  "prices.yaml",
);

const ALICE = { kind: "user" as const, id: "alice" };
const BUDGET: Budget = { owner: "user:alice", limit: "10", period: "day" };

/** Ten seconds of one owner on the test GPU, without energy unless it is given. */
const used = (fromMs: number, over: Partial<Slice> = {}): Slice =>
  slice({ fromMs, owner: ALICE, energyMj: undefined, ...over });

function meterOf(...budgets: Budget[]): BudgetMeter {
  const meter = new BudgetMeter(budgets, PRICES);
  meter.noteGpu(gpu());
  return meter;
}

describe("what an owner has spent", () => {
  it("is time and energy at their prices, to the billionth", () => {
    const meter = meterOf(BUDGET);
    // 10 s at 3.60 an hour is 0.01. 3,000,000 mJ are 3 kJ, 1/1200 kWh, at 0.36: 0.0003.
    const [fact] = meter.observe([used(MARCH, { energyMj: 3_000_000 })], MARCH + 10_000);
    expect(fact).toMatchObject({
      ownerKey: "user:alice",
      currency: "USD",
      period: "day",
      periodStartMs: MARCH,
      limitNanos: 10_000_000_000n,
      spentNanos: 10_300_000n,
      simulated: true,
    });
  });

  it("does not lose what is below a billionth", () => {
    const meter = meterOf(BUDGET);
    // 1 mJ costs 0.1 billionths: ten of them are one.
    const slices = Array.from({ length: 10 }, (_, i) =>
      used(MARCH + i * 10_000, { timeMs: 0, energyMj: 1 }),
    );
    const spent = slices.map((each) => meter.observe([each], each.toMs)[0]?.spentNanos);
    expect(spent.at(0)).toBe(0n);
    expect(spent.at(-1)).toBe(1n);
  });

  it("has each price for its part of a slice that a change of prices cuts", () => {
    const noon = MARCH + 12 * HOUR;
    const [fact] = meterOf(BUDGET).observe([used(noon)], noon + 10_000);
    expect(fact?.spentNanos).toBe(5_000_000n + 10_000_000n);
    const [before] = meterOf(BUDGET).observe([used(noon - 10_000)], noon);
    expect(before?.spentNanos).toBe(10_000_000n);
    const [after] = meterOf(BUDGET).observe([used(noon + 10_000)], noon + 20_000);
    expect(after?.spentNanos).toBe(20_000_000n);
  });

  it("is nothing on a GPU without a price, and is not told of others' slices", () => {
    const meter = meterOf(BUDGET);
    meter.noteGpu({ uuid: "GPU-x", model: "Unlisted" });
    const [fact] = meter.observe([used(MARCH, { gpuUuid: "GPU-x" })], MARCH + 10_000);
    expect(fact?.spentNanos).toBe(0n);
    const bob = used(MARCH + 10_000, { owner: { kind: "user", id: "bob" } });
    expect(meter.observe([bob], MARCH + 20_000)).toEqual([]);
  });
});

describe("the period", () => {
  const spentAt = (meter: BudgetMeter, fromMs: number): bigint | undefined =>
    meter.observe([used(fromMs)], fromMs + 10_000)[0]?.spentNanos;

  it.each([
    ["day", MARCH + DAY],
    ["month", Date.UTC(2026, 3, 1)],
  ] as const)("of a %s turns at midnight UTC", (period, turnMs) => {
    const meter = meterOf({ ...BUDGET, period });
    const priceFactor = turnMs - 20_000 < MARCH + 12 * HOUR ? 1n : 2n;
    const one = 10_000_000n * priceFactor;
    expect(meter.observe([used(turnMs - 20_000)], turnMs - 10_000)[0]?.spentNanos).toBe(one);
    expect(meter.observe([used(turnMs - 10_000)], turnMs - 1)[0]?.spentNanos).toBe(2n * one);
    expect(spentAt(meter, turnMs)).toBe(one);
    expect(spentAt(meter, turnMs + 10_000)).toBe(2n * one);
  });

  it("of a month does not turn with the day", () => {
    const meter = meterOf({ ...BUDGET, period: "month" });
    spentAt(meter, MARCH + DAY - 10_000);
    expect(spentAt(meter, MARCH + DAY)).toBe(40_000_000n);
  });

  it("turns with time alone a minute later, so that an open incident can end", () => {
    const meter = meterOf(BUDGET);
    spentAt(meter, MARCH);
    const turnMs = MARCH + DAY + 60_000;
    expect(meter.observe([], turnMs - 1)).toEqual([]);
    expect(meter.observe([], turnMs)).toMatchObject([
      { periodStartMs: MARCH + DAY, spentNanos: 0n },
    ]);
    expect(meter.observe([], turnMs + 1)).toEqual([]);
  });

  it("counts the last slices of a period, which are final only after its end", () => {
    const meter = meterOf(BUDGET);
    spentAt(meter, MARCH + DAY - 20_000);
    const facts = meter.observe([used(MARCH + DAY - 10_000)], MARCH + DAY + 10_000);
    expect(facts).toMatchObject([{ periodStartMs: MARCH, spentNanos: 40_000_000n }]);
  });

  it("does not get stragglers of the one before once it has begun", () => {
    const meter = meterOf(BUDGET);
    spentAt(meter, MARCH + DAY - 20_000);
    const late = used(MARCH + DAY - 10_000, { gpuUuid: "GPU-a" });
    const facts = meter.observe([used(MARCH + DAY), late], MARCH + DAY + 10_000);
    expect(facts).toMatchObject([{ periodStartMs: MARCH + DAY, spentNanos: 20_000_000n }]);
  });
});

describe("a meter after a restart", () => {
  /** Windows around noon, where the price changes, and around midnight, where the day does. */
  const run = fc.record({
    startMs: fc.constantFrom(
      MARCH,
      MARCH + 12 * HOUR - 40_000,
      MARCH + 12 * HOUR - 37_000,
      MARCH + DAY - 40_000,
      MARCH + DAY - 33_000,
    ),
    windows: fc.array(
      fc.record({ alice: fc.boolean(), timeMs: fc.nat(10_000), energyMj: fc.option(fc.nat(1e7)) }),
      { minLength: 1, maxLength: 9 },
    ),
  });

  it("goes on as if it had never stopped", async () => {
    await fc.assert(
      fc.asyncProperty(run, async ({ startMs, windows }) => {
        const sliced = windows.map(({ alice, timeMs, energyMj }, i) => {
          const fromMs = startMs + i * 10_000;
          const bob = { kind: "user" as const, id: "bob" };
          const own = used(fromMs, { timeMs, energyMj: energyMj ?? undefined });
          const rest = used(fromMs, { owner: bob, timeMs: 10_000 - timeMs });
          return alice ? [own, rest] : [used(fromMs, { owner: bob })];
        });
        const budgets: Budget[] = [BUDGET, { ...BUDGET, period: "month" }];
        const ran = meterOf(...budgets);
        const slices = sliced.flat();
        // A window's slices are told together: only then can a change of prices cut them as a bill does.
        for (const [i, own] of sliced.entries()) ran.observe(own, startMs + i * 10_000);

        const ledger = await opened();
        await ledger.append({ gpus: [gpu("GPU-a", { firstSeenMs: startMs })], slices });
        const restarted = new BudgetMeter(budgets, PRICES);
        await restarted.restore(ledger);
        await ledger.close();

        const endMs = startMs + windows.length * 10_000;
        const next = [used(endMs, { energyMj: 7 })];
        expect(restarted.observe(next, endMs)).toEqual(ran.observe(next, endMs));
      }),
      { numRuns: 15 },
    );
  }, 120_000);

  it("starts where the ledger's GPU has no price: that is for the report to refuse", async () => {
    const ledger = await opened();
    await ledger.append({ gpus: [gpu("GPU-a", { model: "Unlisted" })], slices: [used(MARCH)] });
    const meter = new BudgetMeter([BUDGET], PRICES);
    await meter.restore(ledger);
    const [fact] = meter.observe([used(MARCH + 10_000)], MARCH + 20_000);
    expect(fact?.spentNanos).toBe(0n);
  });

  it("ends an incident at the turn of the period, though the owner does nothing more", async () => {
    const ledger = await opened();
    await ledger.append({ gpus: [gpu()], slices: [used(MARCH)] });
    const meter = new BudgetMeter([BUDGET], PRICES);
    await meter.restore(ledger);
    expect(meter.observe([], MARCH + HOUR)).toEqual([]);
    expect(meter.observe([], MARCH + DAY + 60_000)).toMatchObject([
      { node: "node-1", spentNanos: 0n },
    ]);
  });
});
