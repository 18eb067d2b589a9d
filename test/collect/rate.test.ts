import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateController, type RateSettings, type RateStatus } from "../../src/collect/rate.ts";

const W = 10_000;
/** The start of a window. */
const AT = 1_800_000_000_000;

const rig = (settings: Partial<RateSettings> = {}) => {
  const switches: RateStatus[] = [];
  const rate = new RateController(
    {
      intervalMs: 1000,
      fastIntervalMs: 100,
      holdMs: 20_000,
      budget: 0.1,
      windowMs: W,
      ...settings,
    },
    (status) => switches.push(status),
  );
  /** Ticks at the interval in force over [fromMs, toMs), with a request at each of these times. */
  const run = (fromMs: number, toMs: number, wants: (atMs: number) => boolean = () => false) => {
    const fast: number[] = [];
    for (let atMs = AT + fromMs; atMs < AT + toMs;) {
      if (wants(atMs - AT)) rate.ask("unsure", atMs);
      const intervalMs = rate.intervalMs(atMs);
      if (intervalMs === 100) fast.push(atMs - AT);
      atMs += intervalMs;
    }
    return fast;
  };
  return { rate, run, switches };
};

/** The windows of these times, by number. */
const windowsOf = (times: readonly number[]) => [...new Set(times.map((ms) => Math.floor(ms / W)))];

describe("the rate of sampling", () => {
  it("is the normal one while nobody asks", () => {
    const { rate, run, switches } = rig();
    expect(run(0, 600_000)).toEqual([]);
    expect(switches).toEqual([]);
    expect(rate.status()).toEqual({
      intervalMs: 1000,
      mode: "normal",
      reason: undefined,
      fastMs: 0,
      budgetLeftMs: 60_000,
      asked: 0,
      refused: 0,
    });
  });

  it("is fast from a request at a window's beginning, for as long as is held, and normal again", () => {
    const { run } = rig();
    const fast = run(0, 100_000, (ms) => ms === 10_000);
    expect([fast[0], fast.at(-1)]).toEqual([10_000, 29_900]);
    expect(fast).toHaveLength(200);
  });

  it.each([
    [10_000, [1, 2]],
    [11_000, [1, 2]],
    [12_000, [2, 3]],
    [19_000, [2, 3]],
  ])("asked for at %s ms, takes the whole windows %s", (atMs, windows) => {
    const { run } = rig();
    expect(windowsOf(run(0, 100_000, (ms) => ms === atMs))).toEqual(windows);
  });

  it("rounds the hold up to whole windows, one at least", () => {
    for (const [holdMs, windows] of [
      [0, [1]],
      [10_000, [1]],
      [10_001, [1, 2]],
    ] as const) {
      const { run } = rig({ holdMs });
      expect(windowsOf(run(0, 100_000, (ms) => ms === 10_000))).toEqual(windows);
    }
  });

  it("goes on without a break while it is asked for again", () => {
    const { run, switches } = rig();
    const fast = run(0, 100_000, (ms) => ms === 10_000 || ms === 20_000);
    expect([fast[0], fast.at(-1), fast.length]).toEqual([10_000, 39_900, 300]);
    expect(switches.map(({ mode }) => mode)).toEqual(["fast", "normal"]);
  });

  it("says when it changed, and why", () => {
    const { rate, switches } = rig();
    rate.ask("label of gpu0 is unsure", AT);
    expect(rate.intervalMs(AT)).toBe(100);
    expect(rate.intervalMs(AT + 20_000)).toBe(1000);
    expect(switches).toMatchObject([
      { mode: "fast", intervalMs: 100, reason: "label of gpu0 is unsure" },
      { mode: "normal", intervalMs: 1000, reason: undefined },
    ]);
  });

  it("stays normal in a window whose beginning was missed", () => {
    const { rate } = rig();
    rate.ask("unsure", AT);
    expect(rate.intervalMs(AT + 1001)).toBe(1000);
    expect(rate.intervalMs(AT + 10_000)).toBe(100);
  });

  it.each([
    { budget: 0 },
    { fastIntervalMs: 1000 },
    { fastIntervalMs: 2000 },
    { fastIntervalMs: 0 },
  ])("never changes with %o", (off) => {
    const { rate, run } = rig(off);
    expect(run(0, 100_000, () => true)).toEqual([]);
    expect(rate.status()).toMatchObject({ mode: "normal", refused: 0, fastMs: 0, asked: 100 });
  });
});

describe("the budget of fast sampling", () => {
  it("lets a doubt that never ends have its share of the time, in stretches as long as is held", () => {
    const { rate, run, switches } = rig();
    run(0, 36_000_000, () => true);
    const { fastMs, refused } = rate.status();
    expect(fastMs / 36_000_000).toBeGreaterThan(0.095);
    expect(fastMs).toBeLessThanOrEqual(rate.capacityMs + 0.1 * 36_000_000);
    expect(refused).toBe(3600 - fastMs / W);
    const ends = switches.filter(({ mode }) => mode === "exhausted").length;
    expect(fastMs / ends).toBeGreaterThanOrEqual(20_000);
  });

  it("keeps half of it for what is urgent", () => {
    const { rate, run } = rig();
    run(0, 50_000, () => true);
    expect(rate.intervalMs(AT + 50_000)).toBe(1000);
    expect(rate.status()).toMatchObject({ mode: "exhausted", intervalMs: 1000 });
    const leftMs = rate.status().budgetLeftMs;
    expect(leftMs).toBeGreaterThanOrEqual(30_000);
    rate.ask("an incident is pending", AT + 50_000, { urgent: true });
    expect(rate.intervalMs(AT + 50_000)).toBe(100);
    expect(rate.status()).toMatchObject({ mode: "fast", budgetLeftMs: leftMs - W });
  });

  it("suffices for one window, however small it is", () => {
    const { run, rate } = rig({ budget: 0.001 });
    expect(rate.capacityMs).toBe(W);
    expect(windowsOf(run(0, 100_000, (ms) => ms === 10_000))).toEqual([1]);
    expect(rate.status().refused).toBe(1);
    expect(windowsOf(run(100_000, 20_000_000, () => true))).toEqual([1001]);
  });

  const history = fc.record({
    budget: fc.double({ min: 0.001, max: 1, noNaN: true }),
    holdMs: fc.integer({ min: 0, max: 60_000 }),
    startMs: fc.integer({ min: 0, max: W }),
    steps: fc.array(
      fc.record({
        ask: fc.constantFrom("no", "unsure", "urgent"),
        lateMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(100_000)),
      }),
      { minLength: 1, maxLength: 400 },
    ),
  });

  it("is never overdrawn, over whatever stretch of time", () => {
    fc.assert(
      fc.property(history, ({ budget, holdMs, startMs, steps }) => {
        const { rate } = rig({ budget, holdMs });
        let nowMs = AT + startMs;
        const points = [{ nowMs, fastMs: 0 }];
        for (const { ask, lateMs } of steps) {
          if (ask !== "no") rate.ask(ask, nowMs, { urgent: ask === "urgent" });
          nowMs += rate.intervalMs(nowMs) * 10 + lateMs;
          rate.intervalMs(nowMs);
          points.push({ nowMs, fastMs: rate.status().fastMs });
        }
        for (const [i, from] of points.entries())
          for (const to of points.slice(i))
            expect(to.fastMs - from.fastMs).toBeLessThanOrEqual(
              rate.capacityMs + budget * (to.nowMs - from.nowMs) + 1e-3,
            );
      }),
      { numRuns: 60 },
    );
  });

  it("does not sample a window at two rates, but for the normal interval it begins with", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600), { maxLength: 20 }), fc.nat(999), (asks, phaseMs) => {
        const { run } = rig();
        const at = new Set(asks);
        const fast = run(phaseMs, 600_000, (ms) => at.has(Math.floor(ms / 1000)));
        for (const number of windowsOf(fast)) {
          const inside = fast.filter((ms) => Math.floor(ms / W) === number);
          expect(inside.length).toBeGreaterThanOrEqual(90);
          expect(inside.length).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("a wall clock that is set", () => {
  it("back, ends what was granted, and new requests count", () => {
    const { rate } = rig();
    rate.ask("unsure", AT);
    expect(rate.intervalMs(AT)).toBe(100);
    const back = AT - 86_400_000;
    expect(rate.intervalMs(back)).toBe(1000);
    rate.ask("unsure", back);
    expect(rate.intervalMs(back)).toBe(100);
  });

  it("back by less than a second, is slewed and changes nothing", () => {
    const { rate } = rig();
    rate.ask("unsure", AT + 500);
    expect(rate.intervalMs(AT + 500)).toBe(100);
    expect(rate.intervalMs(AT + 100)).toBe(100);
  });

  it("anywhere, leaves the budget between nothing and full", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -1e7, max: 1e7 }))),
        (steps) => {
          const { rate } = rig();
          let nowMs = AT;
          for (const [ask, stepMs] of steps) {
            nowMs += stepMs;
            if (ask) rate.ask("unsure", nowMs, { urgent: stepMs % 2 === 0 });
            expect([100, 1000]).toContain(rate.intervalMs(nowMs));
            const { budgetLeftMs, fastMs } = rate.status();
            expect(budgetLeftMs).toBeGreaterThanOrEqual(0);
            expect(budgetLeftMs).toBeLessThanOrEqual(rate.capacityMs);
            expect(fastMs).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
