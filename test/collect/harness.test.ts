import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Observation } from "../../src/model/observation.ts";
import { type FakeClock, settle } from "../support/fake-clock.ts";
import { AT, broken, rig, secondsOf } from "../support/harness-rig.ts";

const gapsOf = (seen: readonly Observation[]) =>
  seen.flatMap((o) => (o.kind === "gap" ? [[o.fromMs - AT, o.toMs - AT]] : []));

describe("a collector that works", () => {
  it("is opened once and read every tick, timed and counted", async () => {
    const { clock, first, harness, tick } = rig();
    first.reading = async (atMs) => {
      await clock.sleep(25);
      return [{ kind: "gpu", atMs, gpu: 0 }];
    };
    expect(harness.health()).toMatchObject([{ state: "closed", successes: 0 }]);
    expect(secondsOf([...(await tick()), ...(await tick())], "gpu")).toEqual([0, 1]);
    expect(first.opens).toBe(1);
    expect(harness.health()).toEqual([
      {
        name: "c0",
        state: "ready",
        detail: "1 device",
        lastDurationMs: 25,
        meanDurationMs: 25,
        maxDurationMs: 25,
        lastSuccessAtMs: AT + 1000,
        successes: 2,
        failures: 0,
        drops: 0,
      },
    ]);
  });

  it("can be opened before the first tick, and is not opened again by it", async () => {
    const { first, harness, tick } = rig();
    await harness.open();
    expect(harness.health()).toMatchObject([{ state: "ready", detail: "1 device" }]);
    await tick();
    expect(first.opens).toBe(1);
  });
});

describe("a collector that throws", () => {
  it("is tried again with waits that double, up to the longest", async () => {
    const { first, ticks } = rig();
    first.reading = broken;
    await ticks(200);
    const seconds = first.collects.map((atMs) => (atMs - AT) / 1000);
    expect(seconds).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
  });

  it("does not hold back another", async () => {
    const { collectors, ticks } = rig(2);
    const [bad, good] = collectors;
    if (bad) bad.reading = broken;
    await ticks(20);
    expect(good?.collects).toHaveLength(20);
    expect(bad?.collects.length).toBeLessThan(20);
  });

  it("is closed and opened anew before it is asked again", async () => {
    const { first, ticks } = rig();
    first.reading = broken;
    await ticks(2);
    expect([first.closes, first.opens]).toEqual([1, 2]);
  });

  it("tells its gap while it fails, and the rest of it when it is back", async () => {
    const { first, ticks } = rig();
    const works = first.reading;
    expect(gapsOf(await ticks(3))).toEqual([]);
    first.reading = broken;
    expect(gapsOf(await ticks(5))).toEqual([
      [2000, 4000],
      [4000, 6000],
    ]);
    first.reading = works;
    const back = await ticks(5);
    expect(gapsOf(back)).toEqual([[6000, 10_000]]);
    expect(secondsOf(back, "gpu")).toEqual([10, 11, 12]);
    expect(back.find(({ kind }) => kind === "gap")).toMatchObject({
      source: "c0",
      reason: "the cable is out",
    });
  });

  it("starts anew with the shortest wait after it was back", async () => {
    const { first, ticks } = rig();
    const works = first.reading;
    first.reading = broken;
    await ticks(4);
    first.reading = works;
    await ticks(5);
    first.reading = broken;
    first.collects = [];
    await ticks(3);
    expect(first.collects.map((atMs) => (atMs - AT) / 1000)).toEqual([9, 10]);
  });

  it("is reported once, not at every attempt, and once more when it is back", async () => {
    const { events, first, ticks } = rig();
    const works = first.reading;
    first.reading = broken;
    await ticks(10);
    first.reading = works;
    await ticks(10);
    expect(events.map(({ kind }) => kind)).toEqual(["ready", "failing", "recovered"]);
  });

  it("counts as failing also where it throws on opening", async () => {
    const { first, harness, ticks } = rig();
    first.opening = broken;
    await ticks(4);
    expect(harness.health()).toMatchObject([
      { state: "failing", detail: "the cable is out", failures: 3, successes: 0 },
    ]);
  });
});

describe("a source that is not there", () => {
  it("is said once, looked for rarely, and used once it is there", async () => {
    const { events, first, harness, ticks } = rig();
    const works = first.opening;
    first.opening = async () => ({ status: "absent", reason: "no driver", hint: "install it" });
    expect(await ticks(60)).toEqual([]);
    expect(first.opens).toBe(1);
    expect(harness.health()).toMatchObject([
      { state: "absent", detail: "no driver", failures: 0, drops: 0 },
    ]);
    first.opening = works;
    const later = await ticks(2);
    expect([secondsOf(later, "gpu"), gapsOf(later)]).toEqual([[60, 61], []]);
    expect(events).toEqual([
      { kind: "absent", name: "c0", detail: "no driver", hint: "install it", isMissed: false },
      { kind: "ready", name: "c0", detail: "1 device" },
    ]);
  });
});

describe("a source that has served and is gone", () => {
  it("is missed: its time is a gap with the reason, and it is looked for soon", async () => {
    const { events, first, harness, ticks } = rig();
    const [reads, opens] = [first.reading, first.opening];
    await ticks(2);
    first.reading = broken;
    first.opening = async () => ({ status: "absent", reason: "no driver" });
    const gone = await ticks(8);
    expect(harness.health()).toMatchObject([{ state: "absent", detail: "no driver" }]);
    expect(gone.every(({ kind }) => kind === "gap")).toBe(true);
    first.reading = reads;
    first.opening = opens;
    const back = await ticks(12);
    const gaps = [...gone, ...back].flatMap((each) => (each.kind === "gap" ? [each] : []));
    expect(gaps.at(-1)).toMatchObject({ reason: "no driver" });
    // From the last reading to the first that came again nothing is left out.
    const [backAt = 0] = secondsOf(back, "gpu");
    expect(gaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)).toBe(
      (backAt - 1) * 1000,
    );
    expect(backAt).toBeLessThan(20);
    const missed = events.filter((event) => event.kind === "absent");
    expect(missed).toMatchObject([{ detail: "no driver", isMissed: true }]);
  });
});

describe("a call that does not return", () => {
  it.each([
    [4, "ready", 0],
    [6, "failing", 1],
  ])("is for %s s: the source is %s, and it is said %s times", async (seconds, state, said) => {
    const { clock, events, first, harness, ticks } = rig();
    await ticks(1);
    first.reading = () => clock.sleep(60_000).then(() => []);
    await ticks(seconds);
    expect(harness.health()).toMatchObject([{ state }]);
    expect(events.filter(({ kind }) => kind === "failing")).toHaveLength(said);
  });

  it("is said of one that hangs while it is opened, too", async () => {
    const { clock, first, harness, ticks } = rig();
    const works = first.opening;
    first.opening = () => clock.sleep(20_000).then(works);
    await ticks(8);
    expect(harness.health()).toMatchObject([
      { state: "failing", detail: expect.stringContaining("not returned") },
    ]);
  });

  it("has its time told with the reason, and is well again once it has returned", async () => {
    const { clock, events, first, harness, ticks } = rig();
    const works = first.reading;
    await ticks(1);
    first.reading = () => clock.sleep(9500).then(() => []);
    const during = await ticks(10);
    first.reading = works;
    const after = await ticks(3);
    const gaps = [...during, ...after].flatMap((each) => (each.kind === "gap" ? [each] : []));
    expect(new Set(gaps.map(({ reason }) => reason))).toEqual(
      new Set(["a call into the source did not return"]),
    );
    const [backAt = 0] = secondsOf(after, "gpu");
    expect(gaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)).toBe(backAt * 1000);
    expect(harness.health()).toMatchObject([{ state: "ready" }]);
    expect(events.map(({ kind }) => kind)).toEqual(["ready", "failing", "recovered"]);
  });
});

describe("a collector that takes too long", () => {
  const slow = (clock: FakeClock, ms: number, kind: "gpu" | "node" = "gpu") => {
    return async (atMs: number): Promise<Observation[]> => {
      await clock.sleep(ms);
      const node = { node: "n", source: "s", simulated: true, intervalMs: 1000, gpus: [] };
      return kind === "gpu" ? [{ kind, atMs, gpu: 0 }] : [{ kind, atMs, ...node }];
    };
  };

  it.each([
    [799, 0, [0, 1, 2, 3]],
    [801, 0, [0, 1, 2]],
    [1500, 2, [0]],
    [2500, 3, []],
  ])("%s ms: drops %s ticks of four and gives those of seconds %s", async (ms, drops, seen) => {
    const { clock, first, harness, ticks } = rig();
    first.reading = slow(clock, ms);
    expect(secondsOf(await ticks(4), "gpu")).toEqual(seen);
    expect(harness.health()).toMatchObject([{ drops }]);
  });

  it("does not hold up what another saw in the same tick", async () => {
    const { clock, collectors, tick } = rig(2);
    const [late] = collectors;
    if (late) late.reading = slow(clock, 950);
    expect(await tick()).toHaveLength(1);
    expect(secondsOf(await tick(), "gpu")).toEqual([0, 1]);
  });

  it("loses readings that come after two ticks, with a gap, but never the list of devices", async () => {
    const { clock, first, tick, ticks } = rig();
    const works = first.reading;
    await tick();
    first.reading = slow(clock, 2500, "node");
    await ticks(3);
    first.reading = works;
    const seen = await ticks(2);
    expect(seen.map(({ kind }) => kind)).toEqual(["node", "gap", "gpu", "gpu"]);
    expect(gapsOf(seen)).toEqual([[0, 4000]]);
  });

  it("does not read at a time that is past when opening took long", async () => {
    const { clock, first, ticks } = rig();
    const works = first.opening;
    first.opening = () => clock.sleep(1500).then(works);
    expect(secondsOf(await ticks(4), "gpu")).toEqual([2, 3]);
    expect(first.collects).toEqual([AT + 2000, AT + 3000]);
  });
});

describe("what a tick tells", () => {
  it("is which collector saw it and how that stands, in the order of the collectors", async () => {
    const { clock, collectors, harness } = rig(3);
    const [, gone, bad] = collectors;
    if (gone) gone.opening = async () => ({ status: "absent", reason: "no driver" });
    if (bad) bad.reading = broken;
    const seen = harness.tick(AT, 800);
    await clock.advance(800);
    expect(await seen).toEqual([
      { collector: "c0", state: "ready", observations: [{ kind: "gpu", atMs: AT, gpu: 0 }] },
      { collector: "c1", state: "absent", observations: [] },
      { collector: "c2", state: "failing", observations: [] },
    ]);
  });
});

describe("closing", () => {
  it("closes every collector, also those that never opened, and reads nothing afterwards", async () => {
    const { collectors, harness, ticks } = rig(2);
    await harness.close();
    expect(await ticks(3)).toEqual([]);
    expect(collectors.map(({ opens, closes }) => [opens, closes])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(harness.health()).toMatchObject([{ state: "closed" }, { state: "closed" }]);
  });

  it("leaves a collector behind that hangs in its close", async () => {
    const { clock, first, harness } = rig();
    first.close = () => new Promise(() => undefined);
    let closed = false;
    void harness.close().then(() => (closed = true));
    await clock.advance(2999);
    await settle();
    expect(closed).toBe(false);
    await clock.advance(1);
    await settle();
    expect(closed).toBe(true);
  });

  it("closes a collector again whose opening ends only afterwards", async () => {
    const { clock, first, harness } = rig();
    const works = first.opening;
    first.opening = () => clock.sleep(500).then(works);
    const seen = harness.tick(AT, 800);
    await harness.close();
    await clock.advance(800);
    expect(await seen).toEqual([{ collector: "c0", state: "closed", observations: [] }]);
    expect([first.closes, first.collects.length]).toEqual([2, 0]);
  });
});

describe("whatever a collector does", () => {
  const behaviour = fc.constantFrom("works", "throws", "absent", "slow", "very slow");

  it("its readings and gaps never overlap and never go back, and ticks never fail", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour, { minLength: 5, maxLength: 40 }), async (script) => {
        const { clock, first, harness, tick } = rig();
        let now = "works";
        first.opening = async () =>
          now === "absent"
            ? { status: "absent", reason: "gone" }
            : { status: "ready", detail: "there" };
        first.reading = async (atMs) => {
          if (now === "throws" || now === "absent") throw new Error(now);
          if (now !== "works") await clock.sleep(now === "slow" ? 1500 : 3500);
          return [{ kind: "gpu", atMs, gpu: 0 }];
        };
        const told: [number, number][] = [];
        for (now of script) {
          for (const o of await tick()) {
            if (o.kind === "gap") told.push([o.fromMs, o.toMs]);
            if (o.kind === "gpu") told.push([o.atMs, o.atMs]);
          }
        }
        for (const [i, [fromMs, toMs]] of told.entries()) {
          expect(fromMs).toBeLessThanOrEqual(toMs);
          expect(fromMs).toBeGreaterThanOrEqual(told[i - 1]?.[1] ?? 0);
        }
        const { successes = 0, failures = 0, drops = 0 } = harness.health()[0] ?? {};
        expect(successes + failures).toBeLessThanOrEqual(first.opens + first.collects.length);
        expect(told.filter(([fromMs, toMs]) => fromMs === toMs).length).toBeLessThanOrEqual(
          successes,
        );
        expect(drops).toBeLessThan(2 * script.length);
      }),
      { numRuns: 60 },
    );
  });
});
