import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  energyCost,
  formatDecimal,
  gpuTimeCost,
  NANOS_PER_UNIT,
  parseNanos,
  roundTogether,
  settle,
} from "../../src/model/money.ts";

const total = (parts: readonly bigint[]): bigint => parts.reduce((acc, part) => acc + part, 0n);

describe("money", () => {
  it("costs an hour of a GPU its hourly price, and a kilowatt-hour its price", () => {
    const price = 2_490_000_000n;
    expect(settle([{ key: "a", cost: gpuTimeCost(3_600_000, price) }]).total).toBe(price);
    expect(settle([{ key: "a", cost: energyCost(3_600_000_000, price) }]).total).toBe(price);
  });

  it("does not depend on how time was cut before it was priced", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(10_000_000), { minLength: 1, maxLength: 50 }),
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
        (times, price) => {
          const whole = times.reduce((acc, timeMs) => acc + timeMs, 0);
          const cut = total(times.map((timeMs) => gpuTimeCost(timeMs, price)));
          expect(cut).toBe(gpuTimeCost(whole, price));
        },
      ),
    );
  });

  it("settles lines that sum to the total, to the last nano and to the last printed digit", () => {
    const lines = fc.array(fc.bigInt({ min: 0n, max: 10n ** 24n }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(lines, fc.integer({ min: 0, max: 9 }), (costs, decimals) => {
        const keyed = costs.map((cost, i) => ({ key: String(i), cost }));
        const settled = settle(keyed);
        expect(total(settled.parts)).toBe(settled.total);
        const nanos = settled.parts.map((part, i) => ({ key: String(i), nanos: part }));
        const printed = roundTogether(nanos, decimals);
        expect(total(printed.parts)).toBe(printed.total);
      }),
    );
  });

  it("reads decimals exactly and refuses what is none", () => {
    expect(parseNanos("2.49")).toBe(2_490_000_000n);
    expect(parseNanos("0.000000001")).toBe(1n);
    for (const bad of ["0.0000000001", "-1", "1e3", "", "1,5", "abc"])
      expect(parseNanos(bad)).toBeUndefined();
  });

  it("writes what it reads", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (nanos) => {
        expect(parseNanos(formatDecimal(nanos, 9))).toBe(nanos);
      }),
    );
    expect(formatDecimal(-5n, 2)).toBe("-0.05");
    expect(formatDecimal(NANOS_PER_UNIT, 0)).toBe("1000000000");
  });
});
