import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cadence } from "../../../src/collect/dcgm/cadence.ts";

const SECOND = 1000;

/** Asks each second of an exporter that refreshes at some period; the times of what is handed out. */
function watch(
  seconds: number,
  shapeAt: (second: number) => string,
  { cadence = new Cadence(SECOND), canStandStill = false, from = 0 } = {},
): number[] {
  const handed: number[] = [];
  for (let second = from; second < from + seconds; second++) {
    if (cadence.note(shapeAt(second), canStandStill, second * SECOND)) handed.push(second);
  }
  return handed;
}

const refreshing = (period: number) => (second: number) => String(Math.floor(second / period));

describe("an exporter that refreshes each second", () => {
  it("is followed at once, and each of its readings counts", () => {
    const cadence = new Cadence(SECOND);
    expect(watch(10, refreshing(1), { cadence })).toEqual([4, 5, 6, 7, 8, 9]);
    expect(cadence.periodMs).toBe(SECOND);
  });

  it("has no shorter period than it is asked at", () => {
    const cadence = new Cadence(5 * SECOND);
    watch(10, refreshing(1), { cadence });
    expect(cadence.periodMs).toBe(5 * SECOND);
  });
});

describe("an exporter that refreshes each 30 s", () => {
  it("counts once each 30 s, from its second refresh on", () => {
    const cadence = new Cadence(SECOND);
    expect(watch(150, refreshing(30), { cadence })).toEqual([60, 90, 120]);
    expect(cadence.periodMs).toBe(30 * SECOND);
  });

  it("is not mistaken for a fast one where a scrape cuts a refresh in two", () => {
    const cadence = new Cadence(SECOND);
    const split = (second: number) => `${Math.floor(second / 30)} ${Math.floor((second - 1) / 30)}`;
    watch(150, split, { cadence });
    expect(cadence.periodMs).toBe(29 * SECOND);
  });

  it("goes on after a failed scrape with what is known of it", () => {
    const cadence = new Cadence(SECOND);
    watch(70, refreshing(30), { cadence });
    cadence.interrupt();
    expect(watch(60, refreshing(30), { cadence, from: 75 })).toEqual([90, 120]);
    expect(cadence.periodMs).toBe(30 * SECOND);
  });
});

describe("an exporter whose values do not change", () => {
  const still = () => "idle";

  it("counts each 30 s where that can be true, once long enough was waited for a change", () => {
    const cadence = new Cadence(SECOND);
    expect(watch(190, still, { cadence, canStandStill: true })).toEqual([95, 125, 155, 185]);
    expect(cadence.periodMs).toBe(30 * SECOND);
  });

  it("never counts where energy is counted, and is stalled after two minutes", () => {
    const cadence = new Cadence(SECOND);
    expect(watch(121, still, { cadence })).toEqual([]);
    expect(cadence.stalledMs(false, 120 * SECOND)).toBeUndefined();
    expect(cadence.stalledMs(false, 120 * SECOND + 1)).toBe(120 * SECOND + 1);
    expect(cadence.stalledMs(true, 120 * SECOND + 1)).toBeUndefined();
  });
});

it("counts every refresh of any exporter once, after it has learned its period", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(59), (period, phase) => {
      const shapeAt = (second: number) => String(Math.floor((second + phase) / period));
      const cadence = new Cadence(SECOND);
      const handed = watch(300, shapeAt, { cadence });
      const refreshes = Array.from({ length: 299 }, (_, i) => i + 1).filter(
        (second) => shapeAt(second) !== shapeAt(second - 1),
      );
      expect(handed).toEqual(refreshes.slice(refreshes.length - handed.length));
      // At most the time of learning is lost.
      expect(handed[0]).toBeLessThanOrEqual((period < 5 ? 4 : 2) * period);
      expect(cadence.periodMs).toBe(period * SECOND);
    }),
  );
});
