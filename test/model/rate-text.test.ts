import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { percentText, resourceRateText, siText } from "../../src/model/rate-text.ts";

describe("a rate in words", () => {
  it.each([
    [0, "0.00 hash/s"],
    [0.25, "0.250 hash/s"],
    [1, "1.00 hash/s"],
    [999.4, "999 hash/s"],
    [999.6, "1.00 khash/s"],
    [1000, "1.00 khash/s"],
    [123_456, "123 khash/s"],
    [999_499, "999 khash/s"],
    [999_500, "1.00 Mhash/s"],
    [1.234e9, "1.23 Ghash/s"],
    [61.25e12, "61.3 Thash/s"],
    [1e15, "1.00 Phash/s"],
    [4.2e21, "4200 Ehash/s"],
  ])("has three digits and a prefix: %d is %s", (value, text) => {
    expect(siText(value, "hash/s")).toBe(text);
  });

  it("is not made of what is no number", () => {
    expect(siText(Number.NaN, "B/s")).toBe("not a number of B/s");
  });

  it("says the value to within half of the third digit", () => {
    const powers: Record<string, number> = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
    fc.assert(
      fc.property(fc.double({ min: 1, max: 9e17, noNaN: true }), (value) => {
        const [, digits = "", prefix = ""] =
          /^([\d.]+) ([kMGTP]?)x$/.exec(siText(value, "x")) ?? [];
        const said = Number(digits) * (powers[prefix] ?? 1);
        expect(Math.abs(said - value) / value).toBeLessThan(0.00501);
        expect(Number(digits)).toBeLessThan(1000);
      }),
    );
  });

  it("names what a ceiling is counted in", () => {
    expect(resourceRateText("tensor-flop", 9.9e14)).toBe("990 TFLOP/s");
    expect(resourceRateText("gather-byte", 1e12)).toBe("1.00 TB/s");
  });

  it("has shares as per cent, also above the whole", () => {
    expect([0.6184, 1.02, 0.0005, 0.0004, 0].map(percentText)).toEqual([
      "61.8 %",
      "102.0 %",
      "0.1 %",
      "<0.1 %",
      "0.0 %",
    ]);
  });
});
