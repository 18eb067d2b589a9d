import { describe, expect, it } from "vitest";
import type { CollectorHealth } from "../../../src/collect/contract.ts";
import { CollectorHarness } from "../../../src/collect/harness.ts";
import { liveSource } from "../../../src/collect/live.ts";
import { type Recorded, writeRecording } from "../../../src/cli/record/recording.ts";
import { SelfReport } from "../../../src/cli/record/self-report.ts";
import { recordedText } from "../../../src/cli/record/text.ts";
import { measureOverhead } from "../../../src/cli/record/warm-up.ts";
import type { NodeObservation, Observation } from "../../../src/model/observation.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { ScriptedCollector } from "../../support/scripted-collector.ts";

const NODE: NodeObservation = {
  kind: "node",
  node: "n",
  source: "scripted",
  simulated: true,
  intervalMs: 1000,
  gpus: [{ index: 0, uuid: "a", model: "M" }],
};
const OVERHEAD = { readings: 20, meanMs: 1, maxMs: 2 };

/** A live source of one scripted collector, on a clock that only moves by hand. */
async function live(intervalMs: number, tookMs = 0) {
  const clock = new FakeClock();
  const { monotonicMs, sleep } = clock;
  const collector = new ScriptedCollector();
  let isFirst = true;
  collector.reading = async (atMs) => {
    clock.jump(tookMs);
    const node = isFirst ? [NODE] : [];
    isFirst = false;
    return [...node, { kind: "gpu", atMs, gpu: 0, powerWatts: 100 }];
  };
  const harness = new CollectorHarness([collector], { monotonicMs, sleep });
  await harness.open();
  const stop = new AbortController();
  const { signal } = stop;
  const observations = liveSource({ harness, intervalMs, clock, signal });
  return { clock, collector, stop, source: { observations, health: () => harness.health() } };
}

async function recorded(rig: Awaited<ReturnType<typeof live>>, forMs: number, over = {}) {
  const lines: Observation[] = [];
  const writer = { write: async (line: Observation) => void lines.push(line) };
  const { monotonicMs } = rig.clock;
  const settings = { overhead: OVERHEAD, monotonicMs, cpuMs: () => monotonicMs() / 10, ...over };
  const done = writeRecording(rig.source, writer, settings);
  await rig.clock.advance(forMs);
  rig.stop.abort();
  await settle();
  return { lines, result: await done };
}

const kindsOf = (lines: readonly Observation[]): string[] => lines.map(({ kind }) => kind);

describe("what is recorded", () => {
  it("begins with the node and what a reading costs, and ends with the collectors' word", async () => {
    const { lines } = await recorded(await live(1000), 2500);
    expect(lines[0]).toEqual({ ...NODE, overhead: OVERHEAD });
    expect(kindsOf(lines).filter((kind) => kind !== "tick")).toEqual([
      "node",
      "gpu",
      "gpu",
      "gpu",
      "collector",
    ]);
    // As it was while it ran: a closed collector would say only that.
    expect(lines.at(-1)).toMatchObject({
      kind: "collector",
      name: "scripted",
      state: "ready",
      detail: "1 device",
      readings: 3,
      failures: 0,
      drops: 0,
    });
  });

  it("has the collectors' word once a minute", async () => {
    const { lines } = await recorded(await live(1000), 125_500);
    const said = lines.filter(({ kind }) => kind === "collector");
    expect(said.map((line) => "readings" in line && line.readings)).toEqual([61, 121, 126]);
  });

  it("repeats the cost of a reading in no later node line", async () => {
    const rig = await live(1000);
    const { reading } = rig.collector;
    rig.collector.reading = async (atMs) => [...(await reading(atMs)), { ...NODE, atMs }];
    const { lines } = await recorded(rig, 1500);
    const nodes = lines.filter(({ kind }) => kind === "node");
    expect(nodes.map((node) => "overhead" in node && node.overhead)).toEqual([
      OVERHEAD,
      false,
      false,
    ]);
  });

  it("keeps a gap until there is a node to write it after, and writes nothing without one", async () => {
    const gap = { kind: "gap" as const, source: "x", fromMs: 1, toMs: 2, reason: "hung" };
    const rig = await live(1000);
    const { reading } = rig.collector;
    let ticks = 0;
    rig.collector.reading = async (atMs) => ((ticks += 1) < 3 ? [gap] : reading(atMs));
    const { lines } = await recorded(rig, 2500);
    expect(kindsOf(lines).filter((kind) => kind !== "tick")).toEqual([
      "node",
      "gap",
      "gap",
      "gpu",
      "collector",
    ]);

    const never = await live(1000);
    never.collector.reading = async () => [gap];
    expect((await recorded(never, 2500)).lines).toEqual([]);
  });

  it("is summed up by what was read, how fast, and at what cost", async () => {
    const { result } = await recorded(await live(1000, 20), 10_500);
    expect(result).toMatchObject({ readings: 11, elapsedMs: 10_000, drops: 0 });
    expect(result.overhead).toMatchObject({ readings: 11, meanMs: 20, maxMs: 20 });
    const text = recordedText(
      result,
      { counts: { lines: 13, droppedFull: 1, droppedRefused: 2 }, bytes: 12_345 },
      1000,
    );
    expect(text).toContain("13 lines written, 3 dropped\n12 kB in 10 s\n");
    expect(text).toContain("11 readings, 1.00 a second of 1.00 asked\n");
    expect(text).toContain("a reading took 20.00 ms, 20.00 ms at most");
  });

  it("of nothing has no rate", () => {
    const none: Recorded = {
      readings: 0,
      elapsedMs: 0,
      drops: 0,
      overhead: undefined,
      details: [],
    };
    const counts = { lines: 1, droppedFull: 0, droppedRefused: 0 };
    expect(recordedText(none, { counts, bytes: 5 }, 20)).toContain("none a second of 50.00");
  });
});

describe("the warm-up", () => {
  it("times twenty readings after the first, and closes the source", async () => {
    const rig = await live(100, 5);
    const done = measureOverhead(rig.source, rig.stop, () => rig.clock.monotonicMs() / 10);
    await rig.clock.advance(3000);
    expect(await done).toEqual({ readings: 20, meanMs: 5, maxMs: 5, cpuMs: 10 });
    expect([rig.collector.collects.length, rig.collector.closes]).toEqual([21, 1]);
  });

  it("measures nothing where nothing can be read, in the same time", async () => {
    const rig = await live(100);
    rig.collector.reading = async () => Promise.reject(new Error("broken"));
    const done = measureOverhead(rig.source, rig.stop, () => 0);
    await rig.clock.advance(2100);
    expect(await done).toBeUndefined();
  });

  it("ends at once when it is asked to", async () => {
    const rig = await live(100, 5);
    const done = measureOverhead(rig.source, rig.stop, () => 0);
    await rig.clock.advance(250);
    rig.stop.abort();
    expect((await done)?.readings).toBe(2);
  });
});

describe("a self-report", () => {
  const health = (successes: number, over: Partial<CollectorHealth> = {}): CollectorHealth => {
    return { name: "a", state: "ready", detail: "", successes, failures: 0, drops: 0, ...over };
  };

  it("adds up the collectors of a tick, and counts no attempt twice", () => {
    const report = new SelfReport();
    const b = { name: "b", lastDurationMs: 3 };
    report.note([health(1, { lastDurationMs: 1 }), health(1, b)]);
    report.note([health(2, { lastDurationMs: 5 }), health(1, b)]);
    report.note([health(2, { lastDurationMs: 5 }), health(1, b)]);
    expect(report.overhead(4)).toEqual({ readings: 2, meanMs: 4.5, maxMs: 5, cpuMs: 2 });
    expect(report.lines(7)).toMatchObject([
      { atMs: 7, name: "a", readings: 2, meanDurationMs: 3, maxDurationMs: 5 },
      { atMs: 7, name: "b", readings: 1, meanDurationMs: 3, maxDurationMs: 3 },
    ]);
  });

  it("begins where it is told to: what was read before does not count", () => {
    const report = new SelfReport();
    const cold = health(1, { lastDurationMs: 90 });
    report.skip([cold]);
    report.note([cold]);
    expect(report.overhead(1)).toBeUndefined();
    report.note([health(2, { lastDurationMs: 2 })]);
    expect(report.overhead(1)).toMatchObject({ readings: 1, maxMs: 2 });
  });

  it("says nothing of durations that were not measured", () => {
    const report = new SelfReport();
    report.note([health(0, { state: "absent" })]);
    expect(report.overhead(1)).toBeUndefined();
    expect(report.lines(0)[0]).not.toHaveProperty("meanDurationMs");
  });
});
