import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passTimings } from "../../src/probe/gpu-timer.ts";

const stamps = (...ns: number[]): BigUint64Array => BigUint64Array.from(ns.map(BigInt));

describe("the timings of passes", () => {
  it("count from the first pass's begin, in seconds", () => {
    expect(passTimings(stamps(5000, 6000, 8000, 9500), 1)).toEqual([
      { beginSeconds: 0, endSeconds: 1e-6 },
      { beginSeconds: 3e-6, endSeconds: 4.5e-6 },
    ]);
  });

  it.each([
    ["ends before it begins", stamps(100, 200, 400, 300)],
    ["takes no time", stamps(100, 200, 300, 300)],
    ["begins before the one before has ended", stamps(100, 200, 199, 300)],
    ["went back to the start of the counter", stamps(100, 200, 3, 4)],
    ["lies further away than the host waited", stamps(100, 200, 300, 100 + 1.07e9)],
  ])("drop a pass that %s, and keep the other", (_, ns) => {
    expect(passTimings(ns, 1)).toEqual([{ beginSeconds: 0, endSeconds: 1e-7 }, undefined]);
  });

  it("keep a pass at the edge of each of these", () => {
    expect(passTimings(stamps(100, 200, 200, 100 + 1.05e9), 1)[1]).toBeDefined();
  });

  it("count from the first pass that can be true", () => {
    expect(passTimings(stamps(900, 100, 300, 400), 1)).toEqual([
      undefined,
      { beginSeconds: 0, endSeconds: 1e-7 },
    ]);
  });

  it("are in order, apart and within the wait, whatever the driver wrote", () => {
    fc.assert(
      fc.property(
        fc.bigUint64Array({ maxLength: 16 }),
        fc.double({ min: 0, max: 1e4, noNaN: true }),
        (ns, wall) => {
          const kept = passTimings(ns, wall).filter((timing) => timing !== undefined);
          let end = 0;
          for (const { beginSeconds, endSeconds } of kept) {
            expect(beginSeconds).toBeGreaterThanOrEqual(end);
            expect(endSeconds).toBeGreaterThanOrEqual(beginSeconds);
            end = endSeconds;
          }
          expect(end).toBeLessThanOrEqual(wall * 1.05 + 1.001e-3);
        },
      ),
    );
  });
});
