import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToldTimes } from "../../../src/collect/nvml/told-times.ts";

const gpu = { index: 3, uuid: "GPU-1", model: "Example" };

describe("the account of a device's time", () => {
  it("begins with the first that is heard of it", () => {
    const told = new ToldTimes();
    expect(told.reading(gpu, 1000)).toBeUndefined();
    expect(new ToldTimes().missing(gpu, 1000, "lost")).toBeUndefined();
  });

  it("has no gap between two readings", () => {
    const told = new ToldTimes();
    told.reading(gpu, 1000);
    expect(told.reading(gpu, 9000)).toBeUndefined();
  });

  it("has the time it was not asked in the gap before the next reading", () => {
    const told = new ToldTimes();
    told.reading(gpu, 1000);
    told.waiting(gpu, 2000, "waits");
    const gap = { kind: "gap", source: "nvml", gpu: 3, fromMs: 1000, toMs: 3000, reason: "waits" };
    expect(told.reading(gpu, 3000)).toEqual(gap);
  });

  it("goes by the UUID, not by the index", () => {
    const told = new ToldTimes();
    told.reading(gpu, 1000);
    told.missing(gpu, 2000, "gone");
    expect(told.reading({ ...gpu, uuid: "GPU-2" }, 2500)).toBeUndefined();
    const gap = told.reading({ ...gpu, index: 5 }, 3000);
    expect(gap).toMatchObject({ gpu: 5, fromMs: 2000, toMs: 3000 });
  });

  it("ends where it is forgotten", () => {
    const told = new ToldTimes();
    told.reading(gpu, 1000);
    told.missing(gpu, 2000, "divided");
    told.forget(gpu.uuid);
    expect(told.reading(gpu, 3000)).toBeUndefined();
  });

  it("has no gap that ends before it begins, after the clock was set back", () => {
    const told = new ToldTimes();
    told.reading(gpu, 5000);
    expect(told.missing(gpu, 2000, "lost")).toBeUndefined();
    expect(told.reading(gpu, 3000)).toMatchObject({ fromMs: 2000, toMs: 3000 });
  });

  it("is kept of the thousand devices heard of last", () => {
    const told = new ToldTimes();
    const named = (i: number) => ({ ...gpu, uuid: `GPU-${i}` });
    for (let i = 0; i <= 1024; i++) told.missing(named(i), 1000, "lost");
    expect(told.reading(named(0), 2000)).toBeUndefined();
    expect(told.reading(named(1024), 2000)).toBeDefined();
  });

  it("has gaps and readings one after the other, with nothing told twice or left out", () => {
    const step = fc.record({
      ms: fc.integer({ min: 1, max: 5000 }),
      what: fc.constantFrom("reading", "missing", "waiting"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const told = new ToldTimes();
        told.reading(gpu, 0);
        let atMs = 0;
        let toldToMs = 0;
        let isMissing = false;
        for (const { ms, what } of steps) {
          atMs += ms;
          if (what === "waiting") told.waiting(gpu, atMs, "waits");
          const gap = what === "reading" ? told.reading(gpu, atMs) : undefined;
          const lost = what === "missing" ? told.missing(gpu, atMs, "lost") : undefined;
          const expected = { fromMs: toldToMs, toMs: atMs };
          if (what === "missing" || (what === "reading" && isMissing)) {
            expect(gap ?? lost).toMatchObject(expected);
          } else expect(gap).toBeUndefined();
          isMissing = what !== "reading";
          if (what !== "waiting") toldToMs = atMs;
        }
      }),
    );
  });
});
