import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { timeBefore } from "../../src/model/evenly.ts";

const sum = (parts: readonly number[]): number => parts.reduce((acc, part) => acc + part, 0);

const shares = fc
  .array(fc.nat({ max: 5000 }), { minLength: 1, maxLength: 6 })
  .filter((times) => sum(times) > 0)
  .map((times) => times.map((timeMs, i) => ({ key: `owner-${i}`, timeMs })));

const windowMs = (of: readonly { timeMs: number }[]): number => sum(of.map((s) => s.timeMs));

describe("cutting a window's shares", () => {
  it("splits a half evenly", () => {
    const halves = [
      { key: "a", timeMs: 7500 },
      { key: "b", timeMs: 2500 },
    ];
    expect(timeBefore(halves, 10_000, 5000)).toEqual([3750, 1250]);
  });

  it("gives nothing before the start and all before the end", () => {
    fc.assert(
      fc.property(shares, (of) => {
        expect(timeBefore(of, windowMs(of), 0)).toEqual(of.map(() => 0));
        expect(timeBefore(of, windowMs(of), windowMs(of))).toEqual(of.map((s) => s.timeMs));
      }),
    );
  });

  it("sums to the elapsed time, to the millisecond", () => {
    fc.assert(
      fc.property(shares, fc.nat(), (of, n) => {
        const elapsed = n % (windowMs(of) + 1);
        expect(sum(timeBefore(of, windowMs(of), elapsed))).toBe(elapsed);
      }),
    );
  });

  it("never takes from anyone as time goes on", () => {
    fc.assert(
      fc.property(shares, fc.nat(), (of, n) => {
        const elapsed = n % windowMs(of);
        const before = timeBefore(of, windowMs(of), elapsed);
        const after = timeBefore(of, windowMs(of), elapsed + 1);
        expect(after.every((part, i) => part >= (before[i] ?? 0))).toBe(true);
      }),
    );
  });

  it("does not depend on the order of the shares", () => {
    fc.assert(
      fc.property(shares, fc.nat(), (of, n) => {
        const elapsed = n % (windowMs(of) + 1);
        const reversed = timeBefore(of.toReversed(), windowMs(of), elapsed).toReversed();
        expect(reversed).toEqual(timeBefore(of, windowMs(of), elapsed));
      }),
    );
  });

  it("stays exact over a window of a hundred days", () => {
    const long = 100 * 86_400_000;
    const three = [1, 2, 3].map((i) => ({ key: `${i}`, timeMs: i === 3 ? long - 3 : i }));
    expect(sum(timeBefore(three, long, long - 1))).toBe(long - 1);
  });
});
