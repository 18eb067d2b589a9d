import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decide,
  type DeviceSituation,
  PROBE_MODES,
  ProbeBudget,
  type ScheduleSettings,
} from "../../src/probe/schedule.ts";

const MINUTE = 60_000;
const at = (mode: ScheduleSettings["mode"]): ScheduleSettings => ({ mode, intervalMs: MINUTE });

/** A device that rests, is known, and was never probed. */
const resting: DeviceSituation = {
  state: "idle",
  doubt: false,
  incidentPending: false,
  lastRoundMs: undefined,
  left: [],
  kernels: ["alu", "memory"],
  needsBaseline: false,
};
const first = { run: "alu", rest: ["memory"], beginsRound: true };

describe("whether a device is probed now", () => {
  it("is never so in mode off, however much is in doubt", () => {
    const urgent = { ...resting, doubt: true, incidentPending: true, needsBaseline: true };
    expect(decide(at("off"), urgent, 0, true)).toEqual({ wait: "off" });
  });

  it("is never so without a kernel, in any mode", () => {
    for (const mode of PROBE_MODES)
      expect(decide(at(mode), { ...resting, kernels: [] }, 0, true)).toEqual({ wait: "off" });
  });

  it.each([
    ["idle", first],
    ["busy", { wait: "busy" }],
    ["unknown", { wait: "unknown-state" }],
  ] as const)("follows the device's rest in mode idle-only: %s", (state, decision) => {
    expect(decide(at("idle-only"), { ...resting, state }, 0, true)).toEqual(decision);
  });

  it.each(["idle", "busy", "unknown"] as const)(
    "does not ask in mode interval whether the device is %s",
    (state) => {
      expect(decide(at("interval"), { ...resting, state }, 0, true)).toEqual(first);
    },
  );

  it("waits for the interval, on both sides of it", () => {
    const probed = { ...resting, lastRoundMs: 1000 };
    for (const mode of ["interval", "idle-only"] as const) {
      expect(decide(at(mode), probed, 1000 + MINUTE - 1, true)).toEqual({ wait: "not-due" });
      expect(decide(at(mode), probed, 1000 + MINUTE, true)).toEqual(first);
    }
  });

  it("needs a doubt or a pending incident in mode on-doubt, and then looks once a window", () => {
    const calm = { ...resting, state: "busy" as const, lastRoundMs: 0 };
    expect(decide(at("on-doubt"), calm, MINUTE, true)).toEqual({ wait: "no-doubt" });
    for (const reason of ["doubt", "incidentPending"]) {
      const doubted = { ...calm, [reason]: true };
      expect(decide(at("on-doubt"), doubted, 9999, true)).toEqual({ wait: "not-due" });
      expect(decide(at("on-doubt"), doubted, 10_000, true)).toEqual(first);
    }
  });

  it("makes baselines in mode on-doubt only while the device rests", () => {
    const fresh = { ...resting, needsBaseline: true };
    expect(decide(at("on-doubt"), fresh, 0, true)).toEqual(first);
    expect(decide(at("on-doubt"), { ...fresh, state: "busy" }, 0, true)).toEqual({ wait: "busy" });
  });

  it("is put off while the bucket is in debt", () => {
    expect(decide(at("interval"), resting, 0, false)).toEqual({ wait: "budget" });
  });

  it("goes on with the round that has begun, whatever the interval says", () => {
    const begun = { ...resting, lastRoundMs: 0, left: ["memory"] };
    const rest = { run: "memory", rest: [], beginsRound: false };
    expect(decide(at("interval"), begun, 1, true)).toEqual(rest);
    expect(decide(at("interval"), begun, 1, false)).toEqual({ wait: "budget" });
  });

  it("breaks a round off when somebody comes", () => {
    const begun = { ...resting, lastRoundMs: 0, left: ["memory"], state: "busy" as const };
    expect(decide(at("idle-only"), begun, 1, true)).toEqual({ wait: "busy" });
  });
});

describe("the budget of a device", () => {
  it("refuses from the charge on until what was measured is paid off, to the millisecond", () => {
    const budget = new ProbeBudget(0.001);
    expect(budget.isPaidOff(0)).toBe(true);
    budget.charge(0, 0.003);
    expect(budget.debtSeconds(1000)).toBeCloseTo(0.002);
    expect(budget.isPaidOff(2999)).toBe(false);
    expect(budget.isPaidOff(3001)).toBe(true);
  });

  it("saves nothing up: a day of rest allows one launch, as a second does", () => {
    const budget = new ProbeBudget(0.001);
    budget.charge(0, 0.001);
    const day = 86_400_000;
    expect(budget.isPaidOff(day)).toBe(true);
    budget.charge(day, 0.001);
    expect(budget.isPaidOff(day + 999)).toBe(false);
  });

  it("of 0 launches nothing at all", () => {
    expect(new ProbeBudget(0).isPaidOff(1e12)).toBe(false);
  });

  it("pays nothing off when a clock goes back", () => {
    const budget = new ProbeBudget(0.5);
    budget.charge(10_000, 1);
    expect(budget.debtSeconds(0)).toBe(1);
    budget.charge(0, 1);
    expect(budget.debtSeconds(10_000)).toBe(2);
  });
});

describe("the law of the budget", () => {
  const HOUR = 3_600_000;
  const attempts = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 600_000 }),
      // Whatever was planned, a launch may take anything.
      tookSeconds: fc.double({ min: 0, max: 5, noNaN: true }),
    }),
    { maxLength: 200 },
  );

  it("holds over any hour of any launches: use <= share x time + one launch", () => {
    fc.assert(
      fc.property(attempts, fc.double({ min: 1e-4, max: 0.05, noNaN: true }), (tries, share) => {
        const budget = new ProbeBudget(share);
        const settings: ScheduleSettings = { mode: "interval", intervalMs: 0 };
        const launches: { endMs: number; seconds: number }[] = [];
        let nowMs = 0;
        for (const { afterMs, tookSeconds } of tries) {
          nowMs += afterMs;
          const decision = decide(settings, resting, nowMs, budget.isPaidOff(nowMs));
          if ("wait" in decision) continue;
          nowMs += Math.ceil(tookSeconds * 1000);
          budget.charge(nowMs, tookSeconds);
          launches.push({ endMs: nowMs, seconds: tookSeconds });
        }
        for (const { endMs } of launches) {
          const inHour = launches.filter((l) => l.endMs >= endMs && l.endMs <= endMs + HOUR);
          const used = inHour.reduce((sum, l) => sum + l.seconds, 0);
          const longest = Math.max(...inHour.map((l) => l.seconds));
          expect(used).toBeLessThanOrEqual(share * (HOUR / 1000) + longest + 1e-6);
        }
      }),
    );
  });
});
