import { describe, expect, it } from "vitest";
import type { Observation } from "../../src/model/observation.ts";
import { AT, broken, rig, secondsOf } from "../support/harness-rig.ts";

describe("what the harness says of a collector", () => {
  /** One reading of each of these durations. */
  const after = async (durationsMs: readonly number[]) => {
    const { clock, first, harness, tick } = rig();
    const waits = [...durationsMs];
    first.reading = () => clock.sleep(waits.shift() ?? 0).then(() => []);
    for (const _ of durationsMs) await tick();
    return harness.health()[0];
  };

  it("is the mean and the longest of its newest hundred readings", async () => {
    expect(await after([700, 10, 20, 30])).toMatchObject({
      lastDurationMs: 30,
      meanDurationMs: 190,
      maxDurationMs: 700,
    });
    const hundred = Array.from({ length: 100 }, () => 10);
    expect(await after([700, ...hundred.slice(1)])).toMatchObject({ maxDurationMs: 700 });
    expect(await after([700, ...hundred])).toMatchObject({
      meanDurationMs: 10,
      maxDurationMs: 10,
    });
  });

  it("counts neither opening nor failing attempts among them", async () => {
    const { clock, first, harness, tick } = rig();
    const works = first.opening;
    first.opening = () => clock.sleep(300).then(works);
    first.reading = () => clock.sleep(500).then(broken);
    await tick();
    expect(harness.health()[0]).toMatchObject({ lastDurationMs: 800, meanDurationMs: undefined });
  });

  it("keeps the text of the newest error, and counts each kind, the newest five", async () => {
    const { first, harness, ticks } = rig();
    const texts = ["a", "b", "a", "c", "d", "e", "f".repeat(500)];
    const left = [...texts];
    first.reading = async () => {
      const text = left.shift();
      if (text === undefined) return [];
      throw new Error(text);
    };
    await ticks(200);
    const { state, lastErrorText, errors } = harness.health()[0] ?? {};
    expect([state, lastErrorText]).toEqual(["ready", "f".repeat(200)]);
    expect(errors).toEqual([
      { text: "f".repeat(200), count: 1 },
      { text: "e", count: 1 },
      { text: "d", count: 1 },
      { text: "c", count: 1 },
      { text: "a", count: 2 },
    ]);
  });
});

describe("ticks that come faster than a source can be read", () => {
  /** Ten ticks a second for as long. */
  const fast = async (of: ReturnType<typeof rig>, ms: number): Promise<Observation[]> => {
    const seen: Observation[] = [];
    for (let at = 0; at < ms; at += 100) {
      const tick = of.harness.tick(of.clock.wallMs(), 80);
      await of.clock.advance(100);
      seen.push(...(await tick).flatMap(({ observations }) => observations));
    }
    return seen;
  };

  it("pass it by, without a drop, where it names its own shortest interval", async () => {
    const [of, free] = [rig(), rig()];
    of.first.minIntervalMs = 1000;
    await fast(of, 3000);
    await fast(free, 3000);
    expect(of.first.collects.map((atMs) => atMs - AT)).toEqual([0, 900, 1800, 2700]);
    expect(of.harness.health()).toMatchObject([{ drops: 0, successes: 4 }]);
    expect(free.first.collects).toHaveLength(30);
  });

  it.each([
    [1900, 2],
    [2100, 0],
  ])("leave readings of %s ms as they are while no window has closed", async (ms, readings) => {
    const of = rig();
    of.first.reading = async (atMs) => {
      await of.clock.sleep(ms);
      return [{ kind: "gpu", atMs, gpu: 0 }];
    };
    const seen = await fast(of, 4500);
    expect(secondsOf(seen, "gpu")).toHaveLength(readings);
  });
});
