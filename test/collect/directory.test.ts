import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeviceDirectory, type DuplicateDevice } from "../../src/collect/directory.ts";
import type { TickReading } from "../../src/collect/harness-types.ts";
import type { NodeObservation, Observation } from "../../src/model/observation.ts";

const AT = 1_800_000_000_000;

type Devices = Readonly<Record<number, string>>;

const node = (source: string, devices: Devices, more: Partial<NodeObservation> = {}) => ({
  kind: "node" as const,
  atMs: AT,
  node: "n1",
  source,
  simulated: false,
  intervalMs: 1000,
  gpus: Object.entries(devices).map(([index, uuid]) => ({
    index: Number(index),
    uuid,
    model: `model of ${uuid}`,
  })),
  ...more,
});

const sample = (gpu: number, power = 0): Observation => ({
  kind: "gpu",
  atMs: AT,
  gpu,
  powerWatts: power,
});

const from = (
  collector: string,
  observations: readonly Observation[],
  state: TickReading["state"] = "ready",
): TickReading => ({ collector, state, observations });

const rig = (...names: string[]) => {
  const duplicates: DuplicateDevice[] = [];
  const directory = new DeviceDirectory(names, (duplicate) => duplicates.push(duplicate));
  const merge = (...readings: TickReading[]) => directory.merge(readings, AT);
  return { directory, duplicates, merge };
};

const listOf = (seen: readonly Observation[]) =>
  seen.flatMap((o) => (o.kind === "node" ? [o.gpus.map((gpu) => `${gpu.index} ${gpu.uuid}`)] : []));
const gpusOf = (seen: Observation | undefined) => (seen?.kind === "node" ? seen.gpus : []);
const samplesOf = (seen: readonly Observation[]) =>
  seen.flatMap((o) => (o.kind === "gpu" ? [[o.gpu, o.powerWatts]] : []));

describe("what belongs to no device", () => {
  it("passes unchanged and exactly once, whoever sends it and whatever becomes of the devices", () => {
    const { merge } = rig("nvml", "drm", "host");
    const gone = from("nvml", [], "absent");
    const seen: Observation[] = [
      { kind: "host", atMs: AT, list: [{ pid: 7 }] },
      { kind: "sockets", atMs: AT, list: [] },
      { kind: "registry", atMs: AT, source: "docker", entries: [{ gpus: ["0"] }] },
      { kind: "context", atMs: AT, fromMs: AT, tool: "bash" },
      { kind: "launches", atMs: AT, pid: 7, list: [] },
    ];
    const all = (...others: TickReading[]) => merge(...others, from("host", seen));
    const told = (merged: readonly Observation[]) => merged.filter(({ kind }) => kind !== "node");
    for (const others of [[], [from("nvml", [node("nvml", { 0: "A" })])], [gone]]) {
      const merged = told(all(...others));
      expect(merged).toEqual(seen);
      for (const [index, each] of seen.entries()) expect(merged[index]).toBe(each);
    }
  });
});

describe("the devices of one collector", () => {
  it("pass as they are, with the collector's own numbers", () => {
    const { merge } = rig("nvml");
    const seen: Observation[] = [
      node("nvml", { 0: "A", 3: "B" }),
      { kind: "gap", source: "nvml", fromMs: AT - 5, toMs: AT, reason: "broken" },
      sample(0),
      { kind: "processes", atMs: AT, gpu: 3, list: [] },
      { kind: "host", atMs: AT, list: [] },
    ];
    expect(merge(from("nvml", seen))).toEqual(seen);
  });

  it("are told again only when something about them has changed", () => {
    const { merge } = rig("nvml");
    const first = node("nvml", { 0: "A" });
    expect(merge(from("nvml", [first]))).toHaveLength(1);
    expect(merge(from("nvml", [{ ...first, atMs: AT + 1000 }]))).toEqual([]);
    expect(merge(from("nvml", [{ ...first, intervalMs: 2000 }]))).toHaveLength(1);
    expect(listOf(merge(from("nvml", [node("nvml", {})])))).toEqual([[]]);
  });

  it("are only those that it has announced, each once", () => {
    const { merge } = rig("nvml");
    expect(merge(from("nvml", [sample(0)]))).toEqual([]);
    const twice = node("nvml", { 0: "A", 1: "A", 2: "B" });
    const seen = merge(from("nvml", [twice, sample(0), sample(1), sample(2), sample(9)]));
    expect(listOf(seen)).toEqual([["0 A", "2 B"]]);
    expect(samplesOf(seen).map(([gpu]) => gpu)).toEqual([0, 2]);
  });
});

describe("the devices of several collectors", () => {
  it("have one number each: the first collector's own, then the next free ones", () => {
    const { merge } = rig("nvml", "drm", "dcgm");
    const seen = merge(
      from("nvml", [node("nvml", { 0: "A", 2: "B" }), sample(2, 1)]),
      from("drm", [node("drm", { 0: "X", 1: "Y" }), sample(0, 2), sample(1, 3)]),
      from("dcgm", [node("dcgm", { 0: "Q" }), sample(0, 4)]),
    );
    expect(listOf(seen).at(-1)).toEqual(["0 A", "2 B", "3 X", "4 Y", "5 Q"]);
    expect(samplesOf(seen)).toEqual([
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 4],
    ]);
  });

  it("keep their numbers when others come and go", () => {
    const { merge } = rig("nvml", "drm");
    merge(from("nvml", [node("nvml", { 0: "A" })]), from("drm", [node("drm", { 0: "X", 1: "Y" })]));
    expect(listOf(merge(from("drm", [node("drm", { 0: "Y" })])))).toEqual([["0 A", "2 Y"]]);
    expect(listOf(merge(from("drm", [node("drm", { 0: "Z", 1: "Y" })])))).toEqual([
      ["0 A", "1 Z", "2 Y"],
    ]);
  });

  it("make room where the first collector comes later, and say so before the next sample", () => {
    const { merge } = rig("nvml", "drm");
    merge(from("nvml", [], "absent"), from("drm", [node("drm", { 0: "X" })]));
    const seen = merge(
      from("nvml", [node("nvml", { 0: "A" }), sample(0, 1)]),
      from("drm", [sample(0, 2)]),
    );
    expect(listOf(seen)).toEqual([["0 A", "1 X"]]);
    expect(samplesOf(seen)).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it("do not take the number of the first collector's device that is away", () => {
    const { merge } = rig("nvml", "drm");
    merge(from("nvml", [node("nvml", { 0: "A", 1: "B" })]));
    merge(from("nvml", [node("nvml", { 0: "A" })]));
    expect(listOf(merge(from("drm", [node("drm", { 0: "X" })])))).toEqual([["0 A", "2 X"]]);
  });

  it("are one node: all sources, the first one's interval, simulated if any is", () => {
    const { merge } = rig("nvml", "drm");
    const overhead = { readings: 1, meanMs: 1, maxMs: 1 };
    const seen = merge(
      from("nvml", [node("nvml", { 0: "A" }, { overhead })]),
      from("drm", [node("drm", { 0: "X" }, { intervalMs: 5000, simulated: true })]),
    );
    expect(seen[0]).toMatchObject({ source: "nvml", simulated: false, overhead });
    expect(seen[1]).toMatchObject({ source: "nvml+drm", simulated: true, intervalMs: 1000 });
    expect(gpusOf(seen[1])).toMatchObject([{ uuid: "A" }, { uuid: "X", intervalMs: 5000 }]);
    expect(gpusOf(seen[1])[0]).not.toHaveProperty("intervalMs");
    expect(seen[1]).not.toHaveProperty("overhead");
  });
});

describe("a device that two collectors see", () => {
  const both = () => {
    const of = rig("nvml", "dcgm");
    const seen = of.merge(
      from("nvml", [node("nvml", { 0: "A", 1: "B" }), sample(0, 1), sample(1, 2)]),
      from("dcgm", [node("dcgm", { 0: "B", 1: "C" }), sample(0, 3), sample(1, 4)]),
    );
    return { ...of, seen };
  };

  it("is measured by the first one; the other's readings of it are dropped, and said once", () => {
    const { directory, duplicates, merge, seen } = both();
    expect(samplesOf(seen)).toEqual([
      [0, 1],
      [1, 2],
      [2, 4],
    ]);
    merge(from("dcgm", [node("dcgm", { 0: "B" })]));
    expect(duplicates).toEqual([{ uuid: "B", measuredBy: "nvml", droppedFrom: "dcgm" }]);
    expect(directory.collectorOf("B")).toBe("nvml");
  });

  it("is taken over with its number when the first is gone, and given back", () => {
    const { directory, merge } = both();
    const seen = merge(from("nvml", [], "absent"), from("dcgm", [sample(0, 5)]));
    expect(seen).toEqual([sample(1, 5)]);
    expect(directory.gpus().map(({ uuid }) => uuid)).toEqual(["A", "B", "C"]);
    expect([directory.collectorOf("A"), directory.collectorOf("B")]).toEqual(["nvml", "dcgm"]);
    const back = merge(from("nvml", [sample(1, 6)]), from("dcgm", [sample(0, 7)]));
    expect(samplesOf(back)).toEqual([[1, 6]]);
  });

  it("stays the first one's while that only fails", () => {
    const { merge } = both();
    expect(merge(from("nvml", [], "failing"), from("dcgm", [sample(0, 5)]))).toEqual([]);
  });

  it("is taken over when the first no longer announces it", () => {
    const { directory, merge } = both();
    merge(from("nvml", [node("nvml", { 0: "A" })]));
    expect(samplesOf(merge(from("dcgm", [sample(0, 5)])))).toEqual([[1, 5]]);
    expect(directory.gpus().map(({ uuid }) => uuid)).toEqual(["A", "B", "C"]);
  });
});

describe("a collector's gap", () => {
  const gap: Observation = { kind: "gap", source: "dcgm", fromMs: 0, toMs: AT, reason: "refused" };

  it("is the whole node's where it measures every device, or nothing is known yet", () => {
    const { merge } = rig("dcgm", "drm");
    // Before any device is known nobody's time is missing.
    expect(merge(from("dcgm", [gap]))).toEqual([]);
    merge(from("dcgm", [node("dcgm", { 0: "A" })]));
    expect(merge(from("dcgm", [gap]))).toEqual([gap]);
  });

  it("is that of its own devices only where others measure some", () => {
    const { merge } = rig("nvml", "dcgm");
    merge(
      from("nvml", [node("nvml", { 0: "A" })]),
      from("dcgm", [node("dcgm", { 0: "B", 1: "C" })]),
    );
    expect(merge(from("dcgm", [gap]))).toEqual([
      { ...gap, gpu: 1 },
      { ...gap, gpu: 2 },
    ]);
    expect(merge(from("dcgm", [{ ...gap, gpu: 1 }]))).toEqual([{ ...gap, gpu: 2 }]);
  });

  it("is nobody's where it measures none of those that are known", () => {
    const { merge } = rig("nvml", "dcgm");
    merge(from("nvml", [node("nvml", { 0: "A" })]));
    expect(merge(from("dcgm", [gap]))).toEqual([]);
  });
});

describe("whatever collectors announce", () => {
  const NAMES = ["a", "b", "c"] as const;
  const devices = fc.dictionary(
    fc.constantFrom("0", "1", "2", "3"),
    fc.constantFrom("A", "B", "C", "D", "E"),
    { maxKeys: 4 },
  );
  const turn = fc.record({
    state: fc.constantFrom("ready", "absent", "failing"),
    announce: fc.option(devices, { nil: undefined }),
    samples: fc.array(fc.nat(4), { maxLength: 5 }),
  });

  it("numbers are unique, samples are of listed devices by their measurer, and in order", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(turn, turn, turn), { maxLength: 12 }), (ticks) => {
        const { directory } = rig(...NAMES);
        const own = NAMES.map(() => new Map<number, string>());
        let listed = new Map<number, string>();
        let serial = 0;
        for (const turns of ticks) {
          const uuidOf = new Map<number, string | undefined>();
          const readings = turns.map(({ announce, samples, state }, i): TickReading => {
            const name = NAMES[i] ?? "a";
            if (announce)
              own[i] = new Map(
                node(name, announce)
                  .gpus.filter((gpu, at, all) => all.findIndex((g) => g.uuid === gpu.uuid) === at)
                  .map((gpu) => [gpu.index, gpu.uuid]),
              );
            const seen = samples.map((gpu) => {
              uuidOf.set((serial += 1), own[i]?.get(gpu));
              return sample(gpu, serial);
            });
            return from(name, [...(announce ? [node(name, announce)] : []), ...seen], state);
          });
          const before = serial;
          let last = 0;
          for (const observation of directory.merge(readings, AT)) {
            if (observation.kind === "node") {
              listed = new Map(observation.gpus.map(({ index, uuid }) => [index, uuid]));
              expect(listed.size).toBe(observation.gpus.length);
              expect(new Set(listed.values()).size).toBe(listed.size);
            }
            if (observation.kind !== "gpu") continue;
            const { gpu, powerWatts = 0 } = observation;
            expect(listed.get(gpu)).toBe(uuidOf.get(powerWatts));
            expect(listed.get(gpu)).toBeDefined();
            expect(powerWatts).toBeGreaterThan(last);
            expect(powerWatts).toBeLessThanOrEqual(before);
            last = powerWatts;
          }
          expect(directory.gpus().map(({ index, uuid }) => [index, uuid])).toEqual(
            [...listed].sort(([a], [b]) => a - b),
          );
          // The first collector's devices have its own numbers.
          for (const [index, uuid] of own[0] ?? []) expect(listed.get(index)).toBe(uuid);
          // Everything that anybody announces is listed, and measured by one that is there.
          const present = turns.flatMap(({ state }, i) => (state === "absent" ? [] : [i]));
          for (const i of present)
            for (const uuid of own[i]?.values() ?? [])
              expect(present.map((n) => NAMES[n])).toContain(directory.collectorOf(uuid));
        }
      }),
      { numRuns: 150 },
    );
  });
});
