import fc from "fast-check";
import { expect, test } from "vitest";
import { median, quantile, relativeSpread } from "../../src/probe/statistics.ts";

test("the median of nothing is absent, not 0", () => {
  expect(median([])).toBeUndefined();
  expect(median([7])).toBe(7);
});

test("quantiles interpolate between neighbours, whatever the order", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([10, 0], 0.25)).toBe(2.5);
});

test("a spread needs four values and a median that is not 0", () => {
  expect(relativeSpread([1, 2, 3])).toBeUndefined();
  expect(relativeSpread([0, 0, 0, 0])).toBeUndefined();
  expect(relativeSpread([1, 2, 3, 4])).toBeCloseTo(1.5 / 2.5, 12);
  expect(relativeSpread([5, 5, 5, 5])).toBe(0);
});

test("a quantile lies between the extremes", () => {
  const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 });
  fc.assert(
    fc.property(values, fc.double({ noNaN: true, min: 0, max: 1 }), (list, share) => {
      const value = quantile(list, share) ?? Number.NaN;
      expect(value).toBeGreaterThanOrEqual(Math.min(...list) - 1e-6);
      expect(value).toBeLessThanOrEqual(Math.max(...list) + 1e-6);
    }),
  );
});
