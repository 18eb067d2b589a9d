import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
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

  it("enriches the process samples and nothing else", async () => {
    const { clock, collector, run, seen } = rig({
      enrich: (sample) => ({ ...sample, list: [{ pid: 7, comm: "python" }] }),
    });
    collector.reading = async (atMs) => [
      { kind: "gpu", atMs, gpu: 0 },
      { kind: "processes", atMs, gpu: 0, list: [{ pid: 7 }] },
    ];
    void run();
    await clock.advance(0);
    expect(seen).toEqual([
      { kind: "gpu", atMs: AT, gpu: 0 },
      { kind: "processes", atMs: AT, gpu: 0, list: [{ pid: 7, comm: "python" }] },
      { kind: "tick", atMs: AT },
    ]);
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
