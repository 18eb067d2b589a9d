import fc from "fast-check";
import type { NodeObservation, Observation } from "../../../../src/model/observation.ts";
import { GPU_QUANTITIES } from "../../../../src/model/sample.ts";

const START_MS = 1_700_000_000_000;
const GPUS = [0, 3];

/** Finite and without -0, which JSON writes as 0. */
function number(max: number): fc.Arbitrary<number> {
  return fc.double({ min: 0, max, noNaN: true }).map((value) => value + 0);
}

const readings = fc.record(
  Object.fromEntries(
    GPU_QUANTITIES.map((name) => [
      name,
      name === "clockEventReasons" ? fc.nat() : number(name === "tempC" ? 250 : 1),
    ]),
  ),
  { requiredKeys: [], noNullPrototype: true },
);

/** Any text, lone surrogates and control characters too; `__proto__` is nobody's variable. */
const text = fc.string({ unit: "binary", maxLength: 20 });
const variable = fc.string({ minLength: 1 }).filter((name) => name !== "__proto__");

const sighting = fc.record(
  {
    pid: fc.nat(),
    ppid: fc.nat(),
    startTimeMs: fc.nat({ max: 2_000_000_000_000 }),
    smUtil: number(1),
    memUtil: number(1),
    memUsedBytes: fc.nat(),
    comm: text,
    exe: text,
    argv: fc.array(text, { maxLength: 4 }),
    user: text,
    cgroup: text,
    environ: fc.dictionary(variable, text, { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ["pid"], noNullPrototype: true },
);

const gpu = fc.constantFrom(...GPUS);
const list = fc.array(sighting, { maxLength: 3 });
const gap = fc.record(
  {
    kind: fc.constant("gap" as const),
    source: fc.string({ minLength: 1 }),
    gpu,
    fromMs: fc.constant(START_MS),
    toMs: fc.nat().map((length) => START_MS + length),
    reason: text,
  },
  { requiredKeys: ["kind", "source", "fromMs", "toMs", "reason"], noNullPrototype: true },
);

/** An observation as a function of its time, so that a list of them can be put in order. */
const timed = fc.oneof(
  fc.tuple(gpu, readings).map(([index, fields]) => (atMs: number): Observation => {
    return { kind: "gpu", atMs, gpu: index, ...fields };
  }),
  fc.tuple(gpu, list).map(([index, seen]) => (atMs: number): Observation => {
    return { kind: "processes", atMs, gpu: index, list: seen };
  }),
  list.map((seen) => (atMs: number): Observation => ({ kind: "host", atMs, list: seen })),
  gap.map((observation) => (): Observation => observation),
  fc.tuple(gpu, number(10), fc.nat()).map(([index, durationSeconds, work]) => {
    return (atMs: number): Observation => {
      return { kind: "probe", atMs, gpu: index, kernel: "matmul", durationSeconds, work };
    };
  }),
);

export const node: fc.Arbitrary<NodeObservation> = fc
  .record({ name: fc.string({ minLength: 1 }), simulated: fc.boolean(), intervalMs: fc.nat() })
  .map(({ name, simulated, intervalMs }) => ({
    kind: "node",
    node: name,
    source: "nvml",
    simulated,
    intervalMs: intervalMs + 1,
    gpus: GPUS.map((index) => ({ index, uuid: `GPU-${index}`, model: "M", powerLimitWatts: 300 })),
  }));

/** A node and what was seen on it, in time order, with steps of any whole milliseconds. */
export const recording: fc.Arbitrary<Observation[]> = fc
  .tuple(node, fc.array(fc.tuple(fc.nat({ max: 100_000 }), timed), { maxLength: 20 }))
  .map(([first, steps]) => {
    let atMs = START_MS;
    return [
      first,
      ...steps.map(([stepMs, make]) => {
        atMs += stepMs;
        return make(atMs);
      }),
    ];
  });
