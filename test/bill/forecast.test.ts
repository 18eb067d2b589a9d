import { describe, expect, it } from "vitest";
import { type BurnInput, burnOf } from "../../src/bill/forecast.ts";

const DAY = 86_400_000;
const APRIL = Date.UTC(2026, 3, 1);
const usd = (amount: number): bigint => BigInt(Math.round(amount * 1e9));

/** Ten days before the end of the month: 100 of 300 spent. */
const at = (over: Partial<BurnInput>): BurnInput => ({
  spentNanos: usd(100),
  limitNanos: usd(300),
  nowMs: APRIL - 10 * DAY,
  periodEndMs: APRIL,
  days: [],
  ...over,
});

describe("a forecast", () => {
  it("is none where not even one whole day is known", () => {
    expect(burnOf(at({}))).toEqual({ daysKnown: 0 });
  });

  it("is what is spent and the mean day for each day left", () => {
    const burn = burnOf(at({ days: [usd(6), usd(2)] }));
    expect(burn).toMatchObject({ lastDayNanos: usd(6), perDayNanos: usd(4), daysKnown: 2 });
    expect(burn.forecast).toEqual({ nanos: usd(140), exhaustedAtMs: undefined });
  });

  it("has a range from three days on, wider where days differ and fewer are known", () => {
    const width = (...days: number[]): number | undefined => {
      const { forecast } = burnOf(at({ days: days.map(usd) }));
      return forecast?.highNanos === undefined
        ? undefined
        : Number(forecast.highNanos - forecast.nanos) / 1e9;
    };
    expect(width(3, 5)).toBeUndefined();
    // Deviation 1, t of two degrees 1.886, ten days left of three known: sqrt(10 + 100 / 3).
    expect(width(3, 4, 5)).toBeCloseTo(1.886 * Math.sqrt(10 + 100 / 3), 6);
    expect(width(4, 4, 4)).toBe(0);
    expect(width(3, 4, 5, 3, 4, 5, 4)).toBeLessThan(width(3, 4, 5) ?? 0);
  });

  it("does not take back what is spent", () => {
    const { forecast } = burnOf(at({ days: [usd(30), usd(0), usd(0)] }));
    expect(forecast?.lowNanos).toBe(usd(100));
  });

  it("says when the limit is reached, where that is before the period's end", () => {
    const reachedAt = (perDay: number, over: Partial<BurnInput> = {}) =>
      burnOf(at({ days: [usd(perDay)], ...over })).forecast?.exhaustedAtMs;
    // 200 are left: at 40 a day for five days.
    expect(reachedAt(40)).toBe(APRIL - 5 * DAY);
    expect(reachedAt(20)).toBeUndefined();
    expect(reachedAt(20.000001)).toBeLessThan(APRIL);
    expect(reachedAt(0)).toBeUndefined();
    const now = APRIL - 10 * DAY;
    expect(reachedAt(0, { spentNanos: usd(300.000000001) })).toBe(now);
    expect(reachedAt(1, { spentNanos: usd(300) })).toBe(now);
  });
});
