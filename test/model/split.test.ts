import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitExactly, splitInteger } from "../../src/model/split.ts";

const claims = fc.uniqueArray(
  fc.record({ key: fc.string({ maxLength: 6 }), weight: fc.bigInt({ min: 0n, max: 10n ** 15n }) }),
  { minLength: 1, maxLength: 12, selector: (claim) => claim.key },
);

describe("splitting a whole", () => {
  it("gives parts that sum to the whole, each within one unit of its fair share", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), claims, (total, parts) => {
        const sum = parts.reduce((acc, claim) => acc + claim.weight, 0n);
        fc.pre(sum > 0n);
        const split = splitExactly(total, parts);
        expect(split.reduce((acc, part) => acc + part, 0n)).toBe(total);
        parts.forEach((claim, i) => {
          const off = (split[i] ?? 0n) * sum - total * claim.weight;
          expect(off < sum && off > -sum).toBe(true);
        });
      }),
    );
  });

  it("gives each key the same part in whatever order the claims come", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
        claims,
        fc.nat(),
        (total, parts, seed) => {
          fc.pre(parts.some((claim) => claim.weight > 0n));
          const turned = [
            ...parts.slice(seed % parts.length),
            ...parts.slice(0, seed % parts.length),
          ];
          const straight = new Map(parts.map((c, i) => [c.key, splitExactly(total, parts)[i]]));
          const other = new Map(turned.map((c, i) => [c.key, splitExactly(total, turned)[i]]));
          expect(other).toEqual(straight);
        },
      ),
    );
  });

  it("breaks a tie by key: three equal claims on 10 give 4, 3, 3", () => {
    expect(
      splitExactly(10n, [
        { key: "b", weight: 1n },
        { key: "a", weight: 1n },
        { key: "c", weight: 1n },
      ]),
    ).toEqual([3n, 4n, 3n]);
  });

  it("refuses to split something among nobody, and a negative claim", () => {
    expect(() => splitExactly(1n, [{ key: "a", weight: 0n }])).toThrow(RangeError);
    expect(() => splitExactly(1n, [{ key: "a", weight: -1n }])).toThrow(RangeError);
    expect(splitExactly(0n, [{ key: "a", weight: 0n }])).toEqual([0n]);
  });

  it("takes measured weights to nine decimals", () => {
    const third = [
      { key: "a", weight: 1 / 3 },
      { key: "b", weight: 2 / 3 },
    ];
    expect(splitInteger(9, third)).toEqual([3, 6]);
  });
});
