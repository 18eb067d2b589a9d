import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Observation } from "../../../src/model/observation.ts";
import { type ReplayOptions, replaySource } from "../../../src/collect/recording/replay.ts";
import { failureOf, gpuLine, HEADER, plainFile, T0 } from "./support/files.ts";

/** A clock that only sleeping moves. */
function sleepyClock() {
  let nowMs = 5000;
  const sleeps: number[] = [];
  return {
    sleeps,
    passedMs: () => nowMs - 5000,
    clock: () => nowMs,
    sleep: async (ms: number) => {
      sleeps.push(ms);
      nowMs += ms;
    },
  };
}

function replay(lines: readonly object[], options: Partial<ReplayOptions> = {}) {
  const time = sleepyClock();
  const file = plainFile([HEADER, ...lines]);
  const source = replaySource({ file, speed: Infinity, ...time, ...options });
  return { source, time };
}

async function collect(source: AsyncIterable<Observation>): Promise<Observation[]> {
  const seen: Observation[] = [];
  for await (const observation of source) seen.push(observation);
  return seen;
}

/** `gpu@1.5` for an observation 1.5 s after T0. */
function names(observations: readonly Observation[]): string[] {
  return observations.map((observation) => {
    const atMs = observation.kind === "gap" ? observation.toMs : observation.atMs;
    return atMs === undefined
      ? observation.kind
      : `${observation.kind}@${(atMs - T0 * 1000) / 1000}`;
  });
}

describe("as fast as possible", () => {
  it("gives the node, the samples, a tick as each second begins, and one at the end", async () => {
    const { source, time } = replay([gpuLine(0), gpuLine(0.5), gpuLine(1), gpuLine(1.5)]);
    expect(names(await collect(source))).toEqual([
      "node",
      "gpu@0",
      "gpu@0.5",
      "tick@1",
      "gpu@1",
      "gpu@1.5",
      "tick@2",
      "tick@2.5",
    ]);
    expect(time.sleeps).toEqual([]);
  });

  it("ends one interval after the last sample, with one tick only", async () => {
    const { source } = replay([gpuLine(8), gpuLine(9)]);
    expect(names(await collect(source))).toEqual(["node", "gpu@8", "tick@9", "gpu@9", "tick@10"]);
  });

  it("passes a silence in one tick, so that windows before it close", async () => {
    const { source } = replay([gpuLine(0), gpuLine(86_400.5)]);
    expect(names(await collect(source)).slice(2, 4)).toEqual(["tick@86400", "gpu@86400.5"]);
  });

  it("puts sources that lag a little into one order", async () => {
    const lines = [gpuLine(1, 0), gpuLine(0.2, 1), { kind: "host", t: T0 + 0.1, list: [] }];
    const { source } = replay([...lines, gpuLine(2, 0)]);
    const seen = names(await collect(source)).filter((name) => !name.startsWith("tick"));
    expect(seen).toEqual(["node", "host@0.1", "gpu@0.2", "gpu@1", "gpu@2"]);
    expect(source.warnings).toEqual([]);
  });

  it("puts a gap where it ends, wherever the file has it", async () => {
    const gap = { kind: "gap", source: "nvml", from: T0 + 1, to: T0 + 4, reason: "asleep" };
    for (const lines of [
      [gpuLine(0), gap, gpuLine(1), gpuLine(5)],
      [gpuLine(0), gpuLine(1), gpuLine(5), gap],
    ]) {
      const seen = names(await collect(replay(lines).source));
      expect(seen.filter((name) => !name.startsWith("tick"))).toEqual([
        "node",
        "gpu@0",
        "gpu@1",
        "gap@4",
        "gpu@5",
      ]);
    }
  });

  it("finishes what came before a change of devices first", async () => {
    const { kind: _, ...node } = HEADER;
    const gpus = [{ index: 0, uuid: "new", model: "M" }];
    const change = { kind: "node", ...node, version: undefined, gpus };
    const { source } = replay([gpuLine(0), gpuLine(0.5), change, gpuLine(0.5)]);
    const seen = names(await collect(source)).filter((name) => !name.startsWith("tick"));
    expect(seen).toEqual(["node", "gpu@0", "gpu@0.5", "node", "gpu@0.5"]);
  });

  it("keeps every order and loses nothing, whatever the lags", async () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 1500 }), fc.integer({ min: 0, max: 1 })));
    await fc.assert(
      fc.asyncProperty(steps, fc.nat({ max: 1000 }), async (list, lagMs) => {
        let atMs = 0;
        const lines = list.map(([stepMs, gpu]) => {
          atMs += stepMs;
          return gpuLine((atMs + 1000 - gpu * lagMs) / 1000, gpu);
        });
        const { source } = replay(lines);
        const seen = await collect(source);
        const times = seen.flatMap((observation) =>
          "atMs" in observation ? observation.atMs : [],
        );
        expect(times).toEqual([...times].sort((a, b) => Number(a) - Number(b)));
        expect(seen.filter(({ kind }) => kind === "gpu")).toHaveLength(lines.length);
        expect(source.warnings).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

describe("at a chosen speed", () => {
  it.each([
    [1, 60_000],
    [60, 1000],
    [0.5, 120_000],
  ])("%d takes a minute of recording in %d ms", async (speed, wallMs) => {
    const lines = Array.from({ length: 600 }, (_, i) => gpuLine(i / 10));
    const { source, time } = replay(lines, { speed });
    await collect(source);
    // The last sample is at 59.9 s and speaks for one second more.
    expect(Math.abs(time.passedMs() - (wallMs * 60.9) / 60)).toBeLessThan(10);
  });

  it("sleeps for bunches of lines, never for each, and never long", async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => gpuLine(i / 100));
    const { source, time } = replay([...lines, gpuLine(30)], { speed: 10 });
    await collect(source);
    expect(time.sleeps.length).toBeLessThan(350);
    expect(Math.min(...time.sleeps)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...time.sleeps)).toBeLessThanOrEqual(1000);
  });

  it("ticks every second through a silence", async () => {
    const { source } = replay([gpuLine(0), gpuLine(4)], { speed: 1 });
    expect(names(await collect(source))).toEqual([
      "node",
      "gpu@0",
      "tick@1",
      "tick@2",
      "tick@3",
      "tick@4",
      "gpu@4",
      "tick@5",
    ]);
  });

  it("gives many seconds one tick where they pass in one breath", async () => {
    const { source } = replay([gpuLine(0), gpuLine(100_000)], { speed: 100_000 });
    expect((await collect(source)).length).toBeLessThan(150);
  });

  it.each([0, -1, Number.NaN])("refuses %d", (speed) => {
    expect(() => replay([gpuLine(0)], { speed })).toThrow(RangeError);
  });
});

describe("a replay's end", () => {
  it("stops when told to, while it sleeps or runs, without a last tick", async () => {
    for (const speed of [1, Infinity]) {
      const stop = new AbortController();
      const lines = Array.from({ length: 100 }, (_, i) => gpuLine(i));
      const { source } = replay(lines, { speed, signal: stop.signal });
      const seen: Observation[] = [];
      for await (const observation of source) {
        seen.push(observation);
        if (observation.kind === "tick" && observation.atMs === (T0 + 10) * 1000) stop.abort();
      }
      expect(names(seen).at(-1)).toBe("tick@10");
    }
  });

  it("of nothing but a node has no tick", async () => {
    expect(names(await collect(replay([]).source))).toEqual(["node"]);
  });

  it("is an error where the recording has one, after what came before it", async () => {
    const { source } = replay([gpuLine(0), gpuLine(5), gpuLine(4)]);
    const error = await failureOf(collect(source));
    expect(error.code).toBe("recording/out-of-order");
    expect(error.place).toMatch(/:4$/);
  });

  it("counts what came too late to be put in order", async () => {
    const host = (second: number): object => ({ kind: "host", t: T0 + second, list: [] });
    const lines = Array.from({ length: 10_000 }, (_, i) => gpuLine(100 + i));
    const inTime = replay([...lines, host(10_098)]).source;
    await collect(inTime);
    expect(inTime.warnings).toEqual([]);
    const tooLate = replay([...lines, host(100)]).source;
    expect((await collect(tooLate)).filter(({ kind }) => kind === "host")).toHaveLength(1);
    expect(tooLate.warnings).toMatchObject([{ code: "late", subject: "host", count: 1 }]);
  });
});
