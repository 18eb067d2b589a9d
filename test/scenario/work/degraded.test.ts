import { describe, expect, it } from "vitest";
import { RecordingReader } from "../../../src/collect/recording/read.ts";
import { recordingPipeline } from "../../../src/cli/label-recording.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { DECIDABLE_LABELS } from "../../../src/model/label.ts";
import { GPU_QUANTITIES, type GpuQuantity, type GpuSample } from "../../../src/model/sample.ts";
import { brokenShareLaw } from "../../../src/model/slice.ts";
import type { WindowResult } from "../../../src/pipeline/events.ts";

/*
 * What the labels become when the readings get worse: never a crash, never a surer accusation. The
 * demonstration's node, simulated, through a filter each.
 */
const DEMO = new URL("../../../data/demo-simulated.ndjson.gz", import.meta.url);

const whole: Observation[] = [];
for await (const { observation } of new RecordingReader(DEMO.pathname)) whole.push(observation);

/** Final windows. Program names and options are taken out: this is about the telemetry alone. */
function labelled(observations: readonly Observation[]): WindowResult[] {
  const pipeline = recordingPipeline();
  const found: WindowResult[] = [];
  const take = (events: ReturnType<typeof pipeline.push>): void => {
    for (const event of events) if (event.kind === "final") found.push(event.result);
  };
  for (const observation of observations) {
    if (observation.kind === "host" || observation.kind === "processes") continue;
    take(pipeline.push(observation));
    if (observation.kind === "gpu") take(pipeline.push({ kind: "tick", atMs: observation.atMs }));
  }
  take(pipeline.flush());
  return found;
}

const eachSample = (change: (sample: GpuSample, i: number) => GpuSample | undefined) =>
  whole.flatMap((observation, i): Observation[] => {
    if (observation.kind !== "gpu") return [observation];
    const changed = change(observation, i);
    return changed ? [changed] : [];
  });

const only = (...kept: readonly GpuQuantity[]) =>
  eachSample(({ kind, atMs, gpu, ...readings }) => {
    const left: Partial<Record<GpuQuantity, number>> = {};
    for (const quantity of kept) {
      const value = readings[quantity];
      if (value !== undefined) left[quantity] = value;
    }
    return { kind, atMs, gpu, ...left };
  });

const rarer = (seconds: number) =>
  eachSample((sample) => (Math.floor(sample.atMs / 1000) % seconds === 0 ? sample : undefined)).map(
    (o) => (o.kind === "node" ? { ...o, intervalMs: seconds * 1000 } : o),
  );

const shifted = (fromShare: number, byMs: number) => {
  const at = Math.floor(whole.length * fromShare);
  return whole.map((o, i) => (i > at && "atMs" in o && o.atMs ? { ...o, atMs: o.atMs + byMs } : o));
};

const stuckFrom = new Map<number, GpuSample>();
const degraded: Record<string, readonly Observation[]> = {
  "power and utilisation only": only("gpuUtil", "powerWatts"),
  "utilisation only": only("gpuUtil"),
  "power only": only("powerWatts"),
  "the nine signals without counters": only(
    ...GPU_QUANTITIES.filter((q) => !q.endsWith("Active") && q !== "smOccupancy"),
  ),
  "one sample a minute": rarer(60),
  "one sample in seven seconds": rarer(7),
  "every third sample lost, in no order": eachSample((s, i) =>
    (i * 7919) % 3 === 0 ? undefined : s,
  ),
  "holes of half a minute": eachSample((s) => (Math.floor(s.atMs / 30_000) % 2 ? undefined : s)),
  "a clock that jumps an hour ahead": shifted(0.5, 3_600_000),
  "a clock that jumps ten minutes back": shifted(0.5, -600_000),
  "sensors that are stuck from the first reading on": eachSample((sample) => {
    const stuck = stuckFrom.get(sample.gpu) ?? sample;
    stuckFrom.set(sample.gpu, stuck);
    return { ...stuck, atMs: sample.atMs };
  }),
  "a power sensor that is stuck": eachSample((s) => ({ ...s, powerWatts: 333 })),
  "readings that are no numbers": eachSample((s, i) => ({
    ...s,
    powerWatts: i % 3 === 0 ? Number.NaN : s.powerWatts,
    intActive: Number.NaN,
  })),
  "every sample twice": whole.flatMap((o): Observation[] => (o.kind === "gpu" ? [o, o] : [o])),
};

const healthy = labelled(whole);
const accusedAt = (results: readonly WindowResult[]) =>
  new Set(
    results
      .filter(({ label }) => label === "mining-like")
      .map(({ gpu, window }) => `${gpu.index} ${window.fromMs}`),
  );

/** The windows within so many of one, on both sides. */
const around = (at: string, windows: number): string[] => {
  const [gpu, fromMs] = at.split(" ");
  return Array.from(
    { length: 2 * windows + 1 },
    (_, i) => `${gpu} ${Number(fromMs) + (i - windows) * 10_000}`,
  );
};

describe("labels of telemetry alone", () => {
  it("find the search that the demonstration holds while all is measured", () => {
    expect(accusedAt(healthy).size).toBeGreaterThan(10);
  });

  describe.each(Object.entries(degraded))("with %s", (name, observations) => {
    const results = labelled(observations);

    it("account for every millisecond", () => {
      expect(results.length).toBeGreaterThan(0);
      for (const { window, slices } of results)
        expect(
          brokenShareLaw(
            window,
            slices.map((slice) => ({ ...slice, pids: [] })),
          ),
        ).toBeUndefined();
    });

    it("accuse nobody whom the whole readings did not", () => {
      const known = accusedAt(healthy);
      // Where the clock moved, windows are cut elsewhere: there the number must not grow.
      if (name.includes("clock")) {
        expect(accusedAt(results).size).toBeLessThanOrEqual(known.size + 1);
        return;
      }
      // A window at the edge of the search holds some of it; a sample a minute speaks for a minute.
      const edge = name === "one sample a minute" ? 6 : 1;
      const near = new Set([...known].flatMap((at) => around(at, edge)));
      expect([...accusedAt(results)].filter((at) => !near.has(at))).toEqual([]);
    });

    it("have a probability and evidence of numbers", () => {
      for (const { confidence, evidence, label } of results) {
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(1);
        expect(evidence.length).toBeGreaterThan(0);
        expect(evidence.map(({ text }) => text).join(" ")).not.toMatch(/NaN|undefined|Infinity/);
        if ((DECIDABLE_LABELS as readonly string[]).includes(label))
          expect(confidence).toBeGreaterThan(0.25);
      }
    });
  });

  it.each(["power only", "utilisation only"])("of %s decide nothing but rest", (name) => {
    const labels = new Set(labelled(degraded[name] ?? []).map(({ label }) => label));
    labels.delete("idle");
    expect([...labels]).toEqual(["unknown"]);
  });

  it("of power and utilisation are less sure than those of all readings", () => {
    const sureness = (results: readonly WindowResult[]) => {
      const busy = results.filter(({ label }) => label !== "idle" && label !== "unknown");
      return busy.reduce((sum, { confidence }) => sum + confidence, 0) / Math.max(1, busy.length);
    };
    const few = labelled(degraded["power and utilisation only"] ?? []);
    expect(sureness(few)).toBeLessThan(sureness(healthy));
  });
});
