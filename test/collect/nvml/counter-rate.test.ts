import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  counterStep,
  type CounterKind,
  type CounterPoint,
} from "../../../src/collect/nvml/counter-rate.ts";

const GIB = 2n ** 30n;
const NARROW_TOP = 2n ** 32n;

const point = (count: bigint, nowMs: number, more: Partial<CounterPoint> = {}): CounterPoint => ({
  count,
  nowMs,
  narrow: false,
  timestampUs: undefined,
  ...more,
});
/** A link that needs more than four seconds to wrap 32 bits. */
const slow: CounterKind = { bytesPerCount: 1, maxBytesPerSec: 1e9, mayWrapAt32: false };
/** One that needs a fifteenth of a second. */
const fast: CounterKind = { ...slow, maxBytesPerSec: 64e9 };

const rate = (
  before: CounterPoint,
  now: CounterPoint,
  kind: CounterKind = slow,
  maxSpanMs = 3000,
): number | undefined => counterStep(before, now, kind, maxSpanMs).bytesPerSec;

describe("the rate between two readings of a counter", () => {
  it("is the difference over the time between them", () => {
    expect(rate(point(100n, 0), point(1100n, 500))).toBe(2000);
    expect(rate(point(100n, 0), point(100n, 500))).toBe(0);
  });

  it("counts in the counter's own unit", () => {
    const kibibytes = { ...slow, bytesPerCount: 1024 };
    expect(rate(point(100n, 0), point(110n, 1000), kibibytes)).toBe(10_240);
  });

  it("is not known at first", () => {
    expect(counterStep(undefined, point(1n, 0), slow, 3000).bytesPerSec).toBeUndefined();
  });

  it("is exact beyond what a number holds", () => {
    const far = 2n ** 60n;
    expect(rate(point(far, 0), point(far + 7n, 1000))).toBe(7);
  });

  it.each([
    [3000, 1],
    [3001, undefined],
  ])("over %s ms is %s: over a hole it speaks of nothing", (nowMs, expected) => {
    expect(rate(point(0n, 0), point(BigInt(Math.floor(nowMs / 1000)), nowMs))).toBe(expected);
  });

  it.each([0, -1000])("is not known where our clock moved by %s ms", (nowMs) => {
    expect(rate(point(0n, 0), point(10n, nowMs))).toBeUndefined();
  });

  it.each([
    [1_000_000_000n, 1e9],
    [1_000_000_001n, undefined],
  ])("of %s bytes in a second is %s on a link of 1 GB/s", (count, expected) => {
    expect(rate(point(0n, 0), point(count, 1000))).toBe(expected);
  });
});

describe("a counter of 64 bits", () => {
  it("was reset where it goes back, and is followed again from there", () => {
    const { bytesPerSec, base } = counterStep(point(9n * GIB, 0), point(5n, 1000), slow, 3000);
    expect(bytesPerSec).toBeUndefined();
    expect(rate(base, point(105n, 2000))).toBe(100);
  });
});

describe("a counter of 32 bits", () => {
  const narrow = { narrow: true };

  it("has wrapped where it goes back", () => {
    const before = point(NARROW_TOP - 10n, 0, narrow);
    expect(rate(before, point(90n, 1000, narrow))).toBe(100);
    expect(rate(before, point(NARROW_TOP - 1n, 1000, narrow))).toBe(9);
  });

  it.each([
    ["cannot", 66, 1000],
    ["can", 68, undefined],
  ])("where it %s go all the way round within %s ms reads %s", (_can, nowMs, expected) => {
    const count = BigInt(Math.round(nowMs));
    expect(rate(point(0n, 0, narrow), point(count, nowMs, narrow), fast)).toBe(expected);
  });

  it("may be given as one of 64: until one count is beyond 32, it is held for narrow", () => {
    const perhaps = { ...fast, mayWrapAt32: true };
    expect(rate(point(10n, 0), point(1010n, 1000), perhaps)).toBeUndefined();
    expect(rate(point(10n, 0), point(1010n, 1000), fast)).toBe(1000);
    expect(rate(point(4n * GIB, 0), point(4n * GIB + 1000n, 1000), perhaps)).toBe(1000);
  });

  it("given as one of 64 may have wrapped or been reset: where it goes back nothing is known", () => {
    const perhaps = { ...slow, mayWrapAt32: true };
    expect(rate(point(1000n, 0), point(10n, 1000), perhaps)).toBeUndefined();
    expect(rate(point(1000n, 0), point(1010n, 1000), perhaps)).toBe(10);
  });
});

describe("the driver's own times", () => {
  const at = (ms: number) => ({ timestampUs: 1_800_000_000_000_000 + ms * 1000 });

  it("are believed before ours, since we may have waited for others between", () => {
    expect(rate(point(0n, 0, at(0)), point(1000n, 1000, at(500)))).toBe(2000);
  });

  it.each([
    ["half", 499],
    ["twice", 2001],
    ["less than none", -3_600_000],
  ])("are not believed where they say %s of the time went by", (_name, ms) => {
    expect(rate(point(0n, 0, at(0)), point(1000n, 1000, at(ms)))).toBe(1000);
  });

  it("tell a reading that was handed out again: its time goes to the next one", () => {
    const { bytesPerSec, base } = counterStep(
      point(0n, 0, at(0)),
      point(0n, 500, at(0)),
      slow,
      3000,
    );
    expect(bytesPerSec).toBeUndefined();
    expect(rate(base, point(1000n, 1000, at(1000)))).toBe(1000);
  });

  it("are not missed where the driver gives none, or one that stands still", () => {
    expect(rate(point(0n, 0), point(0n, 500))).toBe(0);
    expect(rate(point(0n, 0, at(0)), point(500n, 500, at(0)))).toBe(1000);
  });
});

const points = fc.record({
  count: fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
  nowMs: fc.integer({ min: 0, max: 10_000 }),
  narrow: fc.boolean(),
  timestampUs: fc.option(fc.integer({ min: 1, max: 10_000_000 }), { nil: undefined }),
});
const kinds = fc.record({
  bytesPerCount: fc.constantFrom(1, 1024),
  maxBytesPerSec: fc.double({ min: 1, max: 1e13, noNaN: true }),
  mayWrapAt32: fc.boolean(),
});

describe("any two readings", () => {
  it("give no rate below 0, and none that the link cannot carry", () => {
    fc.assert(
      fc.property(points, points, kinds, (before, now, kind) => {
        const found = rate(before, now, kind) ?? 0;
        expect(found).toBeGreaterThanOrEqual(0);
        expect(found).toBeLessThanOrEqual(kind.maxBytesPerSec);
      }),
    );
  });

  it("of a narrow counter give the traffic there was, wrapped or not", () => {
    const bytes = fc.integer({ min: 0, max: 4_000_000_000 });
    const start = fc.bigInt({ min: 0n, max: NARROW_TOP - 1n });
    fc.assert(
      fc.property(start, bytes, fc.integer({ min: 1, max: 3000 }), (from, moved, ms) => {
        const narrow = { narrow: true };
        const to = BigInt.asUintN(32, from + BigInt(moved));
        const kind = { ...slow, maxBytesPerSec: Math.max(1, (moved * 1001) / ms) };
        const found = rate(point(from, 0, narrow), point(to, ms, narrow), kind) ?? Number.NaN;
        expect((found * ms) / 1000).toBeCloseTo(moved, 0);
      }),
    );
  });
});
