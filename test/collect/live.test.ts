import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeviceDirectory } from "../../src/collect/directory.ts";
import { CollectorHarness } from "../../src/collect/harness.ts";
import { clockGap, liveSource, type LiveSourceSettings } from "../../src/collect/live.ts";
import { sleep } from "../../src/collect/sleep.ts";
import type { Observation } from "../../src/model/observation.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { ScriptedCollector } from "../support/scripted-collector.ts";

const AT = 1_800_000_000_000;

const rig = (settings: Partial<LiveSourceSettings> = {}) => {
  const clock = new FakeClock(AT);
  const collector = new ScriptedCollector();
  const harness = new CollectorHarness([collector], clock);
  const abort = new AbortController();
  const { signal } = abort;
  const source = liveSource({ harness, intervalMs: 1000, clock, signal, ...settings });
  const seen: Observation[] = [];
  let ended = false;
  const run = async (): Promise<void> => {
    for await (const observation of source) seen.push(observation);
    ended = true;
  };
  return { clock, collector, harness, abort, source, seen, run, hasEnded: () => ended };
};

const times = (seen: readonly Observation[], kind: "tick" | "gpu") =>
  seen.flatMap((o) => (o.kind === kind ? [o.atMs - AT] : []));

describe("a live source", () => {
  it("yields what each tick saw, then the tick", async () => {
    const { clock, run, seen } = rig();
    void run();
    await clock.advance(2000);
    expect(
      seen.map((o) => (o.kind === "gpu" || o.kind === "tick" ? [o.kind, o.atMs - AT] : o)),
    ).toEqual(
      [0, 1000, 2000].flatMap((ms) => [
        ["gpu", ms],
        ["tick", ms],
      ]),
    );
  });

  it("keeps to its schedule however long the readings take", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 799 }), { minLength: 5, maxLength: 30 }),
        async (delays) => {
          const { abort, clock, collector, run, seen } = rig();
          const waits = [...delays];
          collector.reading = async (atMs) => {
            await clock.sleep(waits.shift() ?? 0);
            return [{ kind: "gpu", atMs, gpu: 0 }];
          };
          void run();
          await clock.advance(delays.length * 1000 - 1);
          expect(times(seen, "tick")).toEqual(delays.map((_, i) => i * 1000));
          abort.abort();
          await settle();
        },
      ),
      { numRuns: 30 },
    );
  });

  it("skips ticks it is too late for, counts them, and goes on with the schedule", async () => {
    const { clock, harness, run, seen } = rig();
    void run();
    await clock.advance(1200);
    clock.jump(2500);
    await clock.advance(1000);
    expect(times(seen, "tick")).toEqual([0, 1000, 3700, 4000]);
    expect(harness.health()).toMatchObject([{ drops: 1 }]);
  });
});

describe("a live source whose rate changes", () => {
  const FAST_FROM = 3000;
  /** Fast for a second of each ten, from the third one on. */
  const rate = {
    intervalMs: (nowMs: number) => {
      const ms = (nowMs - AT) % 10_000;
      return ms >= FAST_FROM && ms < FAST_FROM + 1000 ? 100 : 1000;
    },
  };

  it("ticks at the interval in force, and does not drift", async () => {
    const { clock, run, seen } = rig({ rate });
    void run();
    await clock.advance(20_000);
    const ticks = times(seen, "tick");
    const first = [0, 1000, 2000, ...Array.from({ length: 10 }, (_, i) => 3000 + i * 100)];
    expect(ticks.slice(0, 20)).toEqual([...first, 4000, 5000, 6000, 7000, 8000, 9000, 10_000]);
    expect(ticks.at(-1)).toBe(20_000);
  });

  it("counts ticks it is too late for by the interval in force", async () => {
    const { clock, harness, run } = rig({ rate });
    void run();
    await clock.advance(3250);
    clock.jump(400);
    await clock.advance(50);
    expect(harness.health()).toMatchObject([{ drops: 3 }]);
  });

  it("counts none as missed that were never due, when a slow tick made it faster", async () => {
    const { clock, collector, harness, run, seen } = rig({ rate });
    collector.reading = async (atMs) => {
      await clock.sleep(atMs === AT + FAST_FROM ? 550 : 0);
      return [{ kind: "gpu", atMs, gpu: 0 }];
    };
    void run();
    await clock.advance(3750);
    expect(times(seen, "tick")).toEqual([0, 1000, 2000, 3000, 3600, 3700]);
    expect(harness.health()).toMatchObject([{ drops: 0 }]);
  });

  it("waits for a slow reading only as long as the interval in force allows", async () => {
    const { clock, collector, run, seen } = rig({ rate });
    const slowFrom = AT + FAST_FROM + 500;
    collector.reading = async (atMs) => {
      await clock.sleep(atMs === slowFrom ? 250 : 0);
      return [{ kind: "gpu", atMs, gpu: 0 }];
    };
    void run();
    await clock.advance(3850);
    expect(times(seen, "tick").slice(-5)).toEqual([3400, 3500, 3600, 3700, 3800]);
    // The slow one's reading comes with the tick in which it ended: nothing is lost.
    expect(times(seen, "gpu").slice(-4)).toEqual([3300, 3400, 3500, 3800]);
  });

  it("tells a time without ticks by the interval in force", async () => {
    const { clock, run, seen } = rig({ rate });
    void run();
    await clock.advance(3250);
    clock.jump(1301);
    await clock.advance(0);
    const gaps = seen.filter(({ kind }) => kind === "gap");
    expect(gaps).toMatchObject([{ source: "clock", fromMs: AT + 3200, toMs: AT + 4551 }]);
  });
});

describe("a live source of several collectors", () => {
  it("yields one node with a number for each device", async () => {
    const { clock, harness, seen } = several();
    const abort = new AbortController();
    const directory = new DeviceDirectory(["a", "b"]);
    const source = liveSource({
      harness,
      directory,
      intervalMs: 1000,
      clock,
      signal: abort.signal,
    });
    void (async () => {
      for await (const observation of source) seen.push(observation);
    })();
    await clock.advance(0);
    expect(seen.map((o) => (o.kind === "node" ? o.gpus.map(({ index }) => index) : o))).toEqual([
      [0],
      { kind: "gpu", atMs: AT, gpu: 0 },
      [0, 1],
      { kind: "gpu", atMs: AT, gpu: 1 },
      { kind: "tick", atMs: AT },
    ]);
    abort.abort();
  });

  const several = () => {
    const clock = new FakeClock(AT);
    const collectors = ["a", "b"].map((name) => {
      const collector = new ScriptedCollector(name);
      const gpus = [{ index: 0, uuid: `GPU-${name}`, model: "m" }];
      const node = { node: "n", source: name, simulated: true, intervalMs: 1000, gpus };
      collector.reading = async (atMs) => [
        { kind: "node", atMs, ...node },
        { kind: "gpu", atMs, gpu: 0 },
      ];
      return collector;
    });
    const seen: Observation[] = [];
    return { clock, harness: new CollectorHarness(collectors, clock), seen };
  };
});

describe("the clock of a live source", () => {
  it("says nothing of a wall clock that is slewed", async () => {
    const { clock, run, seen } = rig();
    void run();
    for (let i = 0; i < 20; i++) {
      await clock.advance(1000);
      clock.step(400);
    }
    expect(seen.filter(({ kind }) => kind === "gap")).toEqual([]);
  });

  it("yields a gap before the first observation after a step", async () => {
    const { clock, run, seen } = rig();
    void run();
    await clock.advance(1500);
    clock.step(3_600_000);
    await clock.advance(500);
    expect(seen.slice(4)).toMatchObject([
      { kind: "gap", source: "clock", fromMs: AT + 2000, toMs: AT + 3_602_000 },
      { kind: "gpu", atMs: AT + 3_602_000 },
      { kind: "tick", atMs: AT + 3_602_000 },
    ]);
  });

  const gap = (wallMs: number, monotonicMs: number) =>
    clockGap({ wallMs: AT, monotonicMs: 0 }, { wallMs: AT + wallMs, monotonicMs }, 1000);

  it.each([
    [1000, undefined],
    [2000, undefined],
    [2001, [1000, 2001]],
    [0, undefined],
    [-1, [-1, 1000]],
  ])("a second after which the wall clock is %s ms on leaves the gap %s", (wallMs, expected) => {
    const found = gap(wallMs, 1000);
    expect(found && [found.fromMs - AT, found.toMs - AT]).toEqual(expected);
  });

  it.each([
    [3000, undefined],
    [3001, [0, 3001]],
  ])("%s ms without a tick leave the gap %s", (ms, expected) => {
    const found = gap(ms, ms);
    expect(found && [found.fromMs - AT, found.toMs - AT]).toEqual(expected);
    if (found) expect(found.reason).toMatch(/did not run/);
  });
});

describe("stopping a live source", () => {
  it("ends between two ticks, and closes the collectors", async () => {
    const { abort, clock, collector, hasEnded, run } = rig();
    void run();
    await clock.advance(300);
    abort.abort();
    await settle();
    expect([hasEnded(), collector.closes]).toEqual([true, 1]);
  });

  it("ends while a collector hangs", async () => {
    const { abort, clock, collector, hasEnded, run, seen } = rig();
    collector.reading = () => new Promise(() => undefined);
    void run();
    await clock.advance(300);
    abort.abort();
    await settle();
    expect([hasEnded(), seen]).toEqual([true, []]);
  });

  it("yields nothing where it was stopped before", async () => {
    const { abort, hasEnded, run, seen } = rig();
    abort.abort();
    await run();
    expect([hasEnded(), seen]).toEqual([true, []]);
  });

  it("closes the collectors when the consumer breaks off", async () => {
    const { collector, source } = rig();
    for await (const _ of source) break;
    expect(collector.closes).toBe(1);
  });

  it("leaves no listener on the signal behind", async () => {
    const abort = new AbortController();
    await sleep(1, abort.signal);
    const long = sleep(60_000, abort.signal);
    abort.abort();
    await long;
    await expect(sleep(60_000, abort.signal)).resolves.toBeUndefined();
  });
});
