import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Workload } from "../../../bench/campaign/catalogue.ts";
import { eventOf } from "../../../bench/campaign/event.ts";
import { type PartRun, saidLines, truthLines } from "../../../bench/campaign/lines.ts";
import { ofOneDevice, parseLines, withLines } from "../../../bench/campaign/merge.ts";
import { measuredStretches, MIN_TRUTH_MS } from "../../../bench/campaign/stretches.ts";

const every = (fromMs: number, toMs: number, stepMs = 100): number[] =>
  Array.from({ length: Math.floor((toMs - fromMs) / stepMs) + 1 }, (_, i) => fromMs + i * stepMs);

describe("the stretches that a truth may speak of", () => {
  const span = { fromMs: 10_000, toMs: 20_000 };

  it("are the whole span where it was measured throughout", () => {
    expect(measuredStretches(span, every(9000, 21_000), 100)).toEqual([span]);
  });

  it("begin with the first reading and end with the last", () => {
    const measured = measuredStretches(span, every(11_000, 18_000), 100);
    expect(measured).toEqual([{ fromMs: 11_000, toMs: 18_000 }]);
  });

  it("leave out a hole, and what is too short to say anything", () => {
    const samples = [...every(9000, 13_000), ...every(15_500, 16_500), ...every(18_000, 21_000)];
    // 1.5 s between the second and the third are no hole; 2.5 s are one.
    expect(measuredStretches(span, samples, 100)).toEqual([
      { fromMs: 10_000, toMs: 13_000 },
      { fromMs: 15_500, toMs: 20_000 },
    ]);
    expect(measuredStretches(span, every(11_000, 12_000), 100)).toEqual([]);
  });

  it("lie in the span, hold no hole and are measured at both ends, whatever the readings", () => {
    const times = fc
      .array(fc.integer({ min: 0, max: 30_000 }))
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(times, (samples) => {
        for (const { fromMs, toMs } of measuredStretches(span, samples, 100)) {
          expect(fromMs).toBeGreaterThanOrEqual(span.fromMs);
          expect(toMs).toBeLessThanOrEqual(span.toMs);
          expect(toMs - fromMs).toBeGreaterThanOrEqual(MIN_TRUTH_MS);
          const before = samples.filter((t) => t <= fromMs);
          const within = [...before.slice(-1), ...samples.filter((t) => t > fromMs && t < toMs)];
          const closed = [...within, ...samples.filter((t) => t >= toMs).slice(0, 1)];
          expect(closed.length).toBeGreaterThanOrEqual(2);
          for (const [i, t] of closed.entries())
            if (i > 0) expect(t - (closed[i - 1] ?? t)).toBeLessThanOrEqual(2000);
        }
      }),
    );
  });
});

const run = (pid: number, label: PartRun["part"]["label"], ...said: object[]): PartRun => ({
  part: { program: `p${pid}`, kind: "python", arguments: [], label },
  pid,
  events: said.flatMap((event) => eventOf(JSON.stringify(event), 20_000) ?? []),
});

const PLAIN: Workload = {
  name: "w",
  family: "f",
  label: "mining-like",
  parts: [],
  scale: 1,
  warmSeconds: 1,
  facts: {},
};

const workload = (fields: Partial<Workload>): Workload => ({ ...PLAIN, ...fields });

describe("the lines of truth", () => {
  const about = { gpu: 3, stretches: [{ fromMs: 1000, toMs: 5000 }], warmSeconds: 1.234 };
  const seenPids = new Set([1]);
  const lines = (of: Workload, ...parts: PartRun[]): unknown[] =>
    truthLines({ ...about, workload: of, parts, seenPids }).map(({ line }) => line);
  const base = { kind: "truth", gpu: 3, from: 1, to: 5, workload: "w", family: "f" };

  it("are one of the device and one of its process, with what the process told", () => {
    const done = { event: "done", throughput: 5, unit: "x/s" };
    const only = lines(workload({ facts: { duty: 0.3 } }), run(1, "mining-like", done));
    expect(only).toEqual([
      { ...base, label: "mining-like", duty: 0.3 },
      {
        ...base,
        label: "mining-like",
        pid: 1,
        part: "p1",
        isListed: true,
        warmSeconds: 1.23,
        throughput: 5,
        unit: "x/s",
      },
    ]);
  });

  it("give each of several processes its own label, and the device all of them", () => {
    const labels: Workload["labels"] = ["training-like", "mining-like"];
    const both = lines(workload({ labels }), run(1, "training-like"), run(2, "mining-like"));
    expect(both).toMatchObject([
      { label: "mining-like", labels },
      { label: "training-like", pid: 1, isListed: true },
      { label: "mining-like", pid: 2, isListed: false },
    ]);
    expect(both[1]).not.toHaveProperty("labels");
  });

  it("give one process that does two things both labels", () => {
    const labels: Workload["labels"] = ["inference-like", "mining-like"];
    expect(lines(workload({ labels }), run(1, "inference-like"))).toMatchObject([
      { label: "mining-like", labels },
      { label: "mining-like", labels, pid: 1 },
    ]);
  });

  it("are for each stretch, and tell a throughput once", () => {
    const stretches = [...about.stretches, { fromMs: 8000, toMs: 12_000 }];
    const parts = [run(1, "other", { event: "done", throughput: 5 })];
    const all = truthLines({ ...about, stretches, workload: workload({}), parts, seenPids });
    expect(all.map(({ line: { from, throughput } }) => [from, throughput])).toEqual([
      [1, undefined],
      [1, undefined],
      [8, undefined],
      [8, 5],
    ]);
  });
});

describe("lines put into a recording", () => {
  const recorded = parseLines(
    [
      { kind: "recording", t: 9, gpus: [{ index: 0 }, { index: 1 }] },
      { kind: "gpu", t: 10, gpu: 0 },
      { kind: "gpu", t: 10, gpu: 1 },
      { kind: "gap", from: 10, to: 12, source: "nvml" },
      { kind: "gpu", t: 12, gpu: 0 },
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  );

  it("stand in time order, behind the header, a gap where it ends", () => {
    const phases = [{ t: 13 }, { t: 11, on: true }, { t: 1 }].map((said) => ({
      event: "phase",
      ...said,
    }));
    const said = saidLines([run(1, "other", ...phases)]);
    const merged = withLines(recorded, said).map(({ kind, t, to }) => [kind, t ?? to]);
    expect(merged).toEqual([
      ["recording", 9],
      ["phase", 1],
      ["gpu", 10],
      ["gpu", 10],
      ["phase", 11],
      ["gap", 12],
      ["gpu", 12],
      ["phase", 13],
    ]);
  });

  it("are of one device: nothing is left of the others", () => {
    expect(ofOneDevice(recorded, 0).map(({ gpu }) => gpu)).toEqual([undefined, 0, undefined, 0]);
    expect(ofOneDevice(recorded, 0)[0]?.gpus).toEqual([{ index: 0 }]);
  });
});

describe("what a workload says", () => {
  it("is heard where it is an event, and taken for chatter where it is not", () => {
    expect(eventOf('{"event":"ready","t":1.5}', 2000)).toMatchObject({ event: "ready", t: 1.5 });
    for (const chatter of ["", "hello", "{broken", '{"a":1}', "[1]", '{"event":3}'])
      expect(eventOf(chatter, 2000)).toBeUndefined();
  });

  it("loses a field of another type, and not the event", () => {
    expect(eventOf('{"event":"done","throughput":"fast","unit":"x"}', 1)).toMatchObject({
      unit: "x",
    });
  });
});
