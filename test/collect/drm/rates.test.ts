import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DrmClient, EngineCounter } from "../../../src/collect/drm/fdinfo.ts";
import { RateTracker, sumShares, useOf } from "../../../src/collect/drm/rates.ts";

type Engines = Record<string, Partial<EngineCounter>>;

function client(engines: Engines, driver: DrmClient["driver"] = "i915"): DrmClient {
  const counters = Object.entries(engines).map(
    ([name, counter]) => [name, { capacity: 1, ...counter }] as const,
  );
  return { driver, slot: "0000:03:00.0", key: "0000:03:00.0/1", engines: new Map(counters) };
}

/** The share of `render` after every look: a pair of milliseconds and nanoseconds. */
function renderShares(...looks: [ms: number, ns: number][]): (number | undefined)[] {
  const tracker = new RateTracker();
  return looks.map(([ms, busyNs]) =>
    tracker.update(client({ render: { busyNs } }), ms).shares.get("render"),
  );
}

describe("the share of an engine", () => {
  it("is its busy time in the time between two looks", () => {
    expect(renderShares([0, 5e9], [1000, 5.5e9], [3000, 6e9])).toEqual([undefined, 0.5, 0.25]);
  });

  it("is divided among like engines", () => {
    const tracker = new RateTracker();
    tracker.update(client({ video: { busyNs: 0, capacity: 2 } }), 0);
    const { shares } = tracker.update(client({ video: { busyNs: 1e9, capacity: 2 } }), 1000);
    expect(shares.get("video")).toBe(0.5);
  });

  it("goes by the device's own clock where it tells it", () => {
    const tracker = new RateTracker();
    const look = (busyCycles: number, totalCycles: number, ms: number) =>
      tracker.update(client({ ccs: { busyCycles, totalCycles, capacity: 4 } }, "xe"), ms).shares;
    expect(look(100, 1000, 0).get("ccs")).toBeUndefined();
    expect(look(2100, 2000, 777).get("ccs")).toBe(0.5);
    // It stood still, and then began anew.
    expect(look(2200, 2000, 999).get("ccs")).toBeUndefined();
    expect(look(2300, 10, 1999).get("ccs")).toBeUndefined();
    expect(look(2301, 20, 2999).get("ccs")).toBeCloseTo(0.025);
  });

  it("is unknown while its counter is behind, and then averages over the whole time", () => {
    expect(renderShares([0, 5e9], [1000, 4e9], [2000, 6e9])).toEqual([undefined, undefined, 0.5]);
  });

  it("is counted anew when its counter stays behind", () => {
    const shares = renderShares([0, 5e9], [9999, 1e9], [10_000, 1e9], [11_000, 1.5e9]);
    expect(shares).toEqual([undefined, undefined, undefined, 0.5]);
  });

  it.each([
    [64e9, 1],
    [64.1e9, undefined],
  ])("of %s ns in a second is %s: queues beside each other, or garbage", (ns, share) => {
    expect(renderShares([0, 0], [1000, ns])[1]).toBe(share);
  });

  it("is unknown where no time has passed", () => {
    expect(renderShares([1000, 0], [1000, 5])).toEqual([undefined, undefined]);
  });

  it.each([
    ["amdgpu", 0.25],
    ["i915", undefined],
  ] as const)("of an engine that %s did not name before is %s", (driver, share) => {
    const tracker = new RateTracker();
    tracker.update(client({}, driver), 0);
    const { shares, pending } = tracker.update(client({ gfx: { busyNs: 25e7 } }, driver), 1000);
    expect(shares.get("gfx")).toBe(share);
    expect(pending).toBe(share === undefined);
  });

  it("leaves out the time in which the card slept", () => {
    const tracker = new RateTracker();
    const busy = client({ render: { busyNs: 1e9 } });
    tracker.update(busy, 0);
    tracker.skip(busy.key, 9000);
    const { shares } = tracker.update(client({ render: { busyNs: 1.5e9 } }), 10_000);
    expect(shares.get("render")).toBe(0.5);
  });

  it("is forgotten with its client", () => {
    const tracker = new RateTracker();
    tracker.update(client({ render: { busyNs: 0 } }), 0);
    tracker.keepOnly(new Set());
    expect(tracker.update(client({ render: { busyNs: 1 } }), 1000).shares.size).toBe(0);
  });

  it("is none or between 0 and 1, whatever the counters do", () => {
    const counter = fc.record({
      busyNs: fc.option(fc.double({ min: 0, max: 2e19, noNaN: true }), { nil: undefined }),
      busyCycles: fc.nat(),
      totalCycles: fc.option(fc.nat(), { nil: undefined }),
      capacity: fc.integer({ min: 1, max: 8 }),
    });
    const look = fc.tuple(fc.constantFrom("amdgpu", "i915", "xe"), counter, fc.nat(20_000));
    fc.assert(
      fc.property(fc.array(look, { maxLength: 12 }), (looks) => {
        const tracker = new RateTracker();
        let nowMs = 0;
        for (const [driver, gfx, afterMs] of looks) {
          nowMs += afterMs;
          const { shares } = tracker.update(client({ gfx }, driver as DrmClient["driver"]), nowMs);
          for (const share of [
            ...shares.values(),
            ...Object.values(useOf(sumShares([shares, shares]))),
          ]) {
            expect(share).toBeGreaterThanOrEqual(0);
            expect(share).toBeLessThanOrEqual(1);
          }
        }
      }),
    );
  });
});

describe("the use", () => {
  it.each([
    [{ gfx: 0.2, compute: 0.5 }, { smUtil: 0.5 }],
    [{ render: 0.2, compute: 0.1 }, { smUtil: 0.2 }],
    [{ rcs: 0, ccs: 1, bcs: 0.7 }, { smUtil: 1 }],
    [
      { enc: 0.1, enc_1: 0.3, dec: 0.2 },
      { encUtil: 0.3, decUtil: 0.2 },
    ],
    [{ video: 0.1, "video-enhance": 0.4 }, { decUtil: 0.4 }],
    [{ vcs: 0.5, vecs: 0.1 }, { decUtil: 0.5 }],
    [{ dma: 1, copy: 1, other: 1 }, {}],
  ])("of engines %j is %j", (shares, use) => {
    expect(useOf(new Map(Object.entries(shares)))).toEqual(use);
  });
});
