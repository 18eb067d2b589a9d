import fc from "fast-check";
import {
  type NodeObservation,
  type Observation,
  PROBE_RESOURCES,
} from "../../../../src/model/observation.ts";
import { GPU_QUANTITIES } from "../../../../src/model/sample.ts";
import { number, START_MS, text, variable } from "./arbitrary-basics.ts";
import { lineage, who } from "./arbitrary-who.ts";

const GPUS = [0, 3];

const readings = fc.record(
  Object.fromEntries(
    GPU_QUANTITIES.map((name) => [
      name,
      name === "clockEventReasons" ? fc.nat() : number(name === "tempC" ? 250 : 1),
    ]),
  ),
  { requiredKeys: [], noNullPrototype: true },
);

const sighting = fc.record(
  {
    pid: fc.nat(),
    ppid: fc.nat(),
    lineage,
    uid: fc.nat(),
    loginUser: text,
    holdsDevice: fc.boolean(),
    mapped: fc.array(text, { maxLength: 3 }),
    startTimeMs: fc.nat({ max: 2_000_000_000_000 }),
    smUtil: number(1),
    memUtil: number(1),
    memUsedBytes: fc.nat(),
    encUtil: number(1),
    decUtil: number(1),
    exited: fc.boolean(),
    unlisted: fc.boolean(),
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
const probeFields = fc.record(
  {
    queueSeconds: number(10),
    baselineSeconds: number(10),
    resource: fc.constantFrom(...PROBE_RESOURCES),
    timing: fc.constantFrom("timestamp" as const, "wall" as const),
    wallSeconds: number(10),
    passes: fc.nat(),
    gapSeconds: number(10),
    firstPassRatio: number(10),
    fastestPassSeconds: number(10),
    baselinePassSeconds: number(10),
    pid: fc.nat(),
  },
  { requiredKeys: [], noNullPrototype: true },
);
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

const values = fc.array(fc.tuple(fc.nat({ max: 1000 }), number(1)), { maxLength: 5 });
const samples = fc
  .record({
    signal: fc.constantFrom(
      { signal: "power", unit: "W" },
      { signal: "gpuUtil", unit: "ratio" },
      { signal: "smClock", unit: "MHz" },
      { signal: "of a later version", unit: "furlongs" },
    ),
    gpu,
    fromMs: fc.nat(),
    values,
  })
  .map(({ signal, gpu: index, fromMs, values: seen }) => {
    let offset = 0;
    return {
      kind: "samples" as const,
      gpu: index,
      ...signal,
      fromMs: START_MS + fromMs,
      offsetsMs: seen.map(([stepMs]) => (offset += stepMs)),
      values: seen.map(([, value]) => value),
    };
  });
const health = fc.record(
  {
    kind: fc.constant("health" as const),
    gpu,
    eccCorrected: fc.maxSafeNat(),
    eccUncorrected: fc.nat(),
    pcieReplays: fc.nat(),
    remappedRows: fc.nat(),
    xids: fc.array(fc.nat(), { maxLength: 3 }),
  },
  { requiredKeys: ["kind", "gpu"], noNullPrototype: true },
);
const collector = fc.record(
  {
    kind: fc.constant("collector" as const),
    name: fc.string({ minLength: 1 }),
    state: fc.constantFrom("ready", "absent", "failing", "closed"),
    detail: text,
    readings: fc.nat(),
    failures: fc.nat(),
    drops: fc.nat(),
    meanDurationMs: number(100),
    maxDurationMs: number(1000),
  },
  {
    requiredKeys: ["kind", "name", "state", "detail", "readings", "failures", "drops"],
    noNullPrototype: true,
  },
);

/** An observation as a function of its time, so that a list of them can be put in order. */
const timed = fc.oneof(
  fc.tuple(gpu, readings).map(([index, fields]) => (atMs: number): Observation => {
    return { kind: "gpu", atMs, gpu: index, ...fields };
  }),
  fc.tuple(gpu, list, fc.boolean()).map(([index, seen, partial]) => (atMs: number): Observation => {
    return { kind: "processes", atMs, gpu: index, ...(partial && { partial }), list: seen };
  }),
  list.map((seen) => (atMs: number): Observation => ({ kind: "host", atMs, list: seen })),
  fc.oneof(samples, health, collector).map((fields) => (atMs: number): Observation => {
    return { ...fields, atMs };
  }),
  gap.map((observation) => (): Observation => observation),
  who.map((fields) => (atMs: number): Observation => ({ ...fields, atMs })),
  fc.tuple(gpu, number(10), fc.nat(), probeFields).map(([index, durationSeconds, work, more]) => {
    return (atMs: number): Observation => {
      return { kind: "probe", atMs, gpu: index, kernel: "matmul", durationSeconds, work, ...more };
    };
  }),
);

const overhead = fc.record(
  { readings: fc.nat(), meanMs: number(10), maxMs: number(100), cpuMs: number(10) },
  { requiredKeys: ["readings", "meanMs", "maxMs"], noNullPrototype: true },
);
const measuredWith = fc.dictionary(variable, text, { maxKeys: 3, noNullPrototype: true });

export const node: fc.Arbitrary<NodeObservation> = fc
  .record(
    {
      node: fc.string({ minLength: 1 }),
      simulated: fc.boolean(),
      intervalMs: fc.integer({ min: 1 }),
      overhead,
      measuredWith,
      ownIntervalMs: fc.integer({ min: 1, max: 600_000 }),
    },
    { requiredKeys: ["node", "simulated", "intervalMs"], noNullPrototype: true },
  )
  .map(({ measuredWith: how, ownIntervalMs, ...fields }) => ({
    ...fields,
    kind: "node",
    source: "nvml",
    gpus: GPUS.map((index) =>
      Object.assign(
        { index, uuid: `GPU-${index}`, model: "M", powerLimitWatts: 300 },
        how && { measuredWith: how },
        index === 0 && ownIntervalMs !== undefined && { intervalMs: ownIntervalMs },
      ),
    ),
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
