/** One row for each recording, computed from the recording alone. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { z } from "zod";

const some = z.number().nullish();
const QUANTITIES = [
  "gpuUtil",
  "memUtil",
  "smActive",
  "smOccupancy",
  "tensorActive",
  "hmmaActive",
  "immaActive",
  "dfmaActive",
  "dramActive",
  "intActive",
  "fp64Active",
  "fp32Active",
  "fp16Active",
  "smClockMHz",
  "tempC",
  "powerWatts",
  "pcieRxBytesPerSec",
  "pcieTxBytesPerSec",
] as const;
type Quantity = (typeof QUANTITIES)[number];

const gpuLine = z.looseObject({
  kind: z.literal("gpu"),
  t: z.number(),
  memUsedBytes: some,
  energyJoules: some,
  clockEventReasons: some,
});
const truthLine = z.looseObject({
  kind: z.literal("truth"),
  from: z.number(),
  to: z.number(),
  label: z.string(),
  labels: z.array(z.string()).optional(),
  workload: z.string(),
  family: z.string(),
  pid: z.number().optional(),
  isListed: z.boolean().optional(),
  part: z.string().optional(),
  throughput: z.number().optional(),
  unit: z.string().optional(),
  peakBytes: z.number().optional(),
  warmSeconds: z.number().optional(),
  duty: z.number().optional(),
});
const phaseLine = z.looseObject({
  kind: z.literal("phase"),
  t: z.number(),
  on: z.boolean().optional(),
});
const processesLine = z.looseObject({
  kind: z.literal("processes"),
  t: z.number(),
  list: z.array(z.looseObject({ pid: z.number() })),
});
const collectorLine = z.looseObject({
  kind: z.literal("collector"),
  name: z.string(),
  failures: z.number(),
  drops: z.number(),
});
const headerLine = z.looseObject({
  kind: z.literal("recording"),
  intervalSeconds: z.number(),
  gpus: z.array(z.looseObject({ powerLimitWatts: z.number().optional() })),
});

type GpuLine = z.infer<typeof gpuLine>;
type Truth = z.infer<typeof truthLine>;

/** Means over the truth. What was not measured is absent. */
export interface Row {
  workload: string;
  label: string;
  labels?: readonly string[] | undefined;
  family: string;
  seconds: number;
  samples: number;
  /** Readings a second, of those that were asked for. */
  sampledShare: number;
  means: Partial<Record<Quantity, number>>;
  /** Standard deviation over mean of the power. */
  powerCv?: number | undefined;
  /** From the energy counter. */
  energyWatts?: number | undefined;
  powerLimitWatts?: number | undefined;
  /** While a duty cycle is on, and off. */
  onWatts?: number | undefined;
  offWatts?: number | undefined;
  duty?: number | undefined;
  memUsedGB?: number | undefined;
  /** All reasons that were ever given. */
  clockEventReasons?: number | undefined;
  warmSeconds?: number | undefined;
  parts: readonly Pick<Truth, "part" | "label" | "throughput" | "unit" | "peakBytes">[];
  /** Parts that the recording never saw on the device, and others whom it saw there. */
  unseenParts: number;
  strangers: number;
  recorderFailures: number;
  recorderDrops: number;
}

/** Undefined where it holds no truth about a device. */
export function rowOf(file: string): Row | undefined {
  const text = gunzipSync(readFileSync(file)).toString("utf8");
  const lines = text
    .split("\n")
    .flatMap((line): unknown[] => (line === "" ? [] : [JSON.parse(line)]));
  const all = <T>(schema: z.ZodType<T>): T[] =>
    lines.flatMap((line) => schema.safeParse(line).data ?? []);
  const truths = all(truthLine);
  const device = truths.filter(({ pid }) => pid === undefined);
  const [first] = device;
  const [header] = all(headerLine);
  if (!first || !header) return undefined;
  const within = ({ t }: { t: number }): boolean =>
    device.some(({ from, to }) => from <= t && t <= to);
  const samples = all(gpuLine).filter(within);
  const seconds = device.reduce((sum, { from, to }) => sum + to - from, 0);
  const processes = truths.filter(({ pid }) => pid !== undefined);
  const results = processes.filter(({ part }) => part !== undefined);
  const collectors = new Map(all(collectorLine).map((line) => [line.name, line]));
  return {
    workload: first.workload,
    label: first.label,
    labels: first.labels,
    family: first.family,
    seconds: rounded(seconds, 2),
    samples: samples.length,
    sampledShare: rounded((samples.length * header.intervalSeconds) / seconds, 3),
    means: meansOf(samples),
    ...powerOf(samples, all(phaseLine)),
    powerLimitWatts: header.gpus[0]?.powerLimitWatts,
    duty: first.duty,
    memUsedGB: most(valuesOf(samples, "memUsedBytes").map((bytes) => rounded(bytes / 1e9, 2))),
    clockEventReasons: everGiven(samples),
    warmSeconds: results[0]?.warmSeconds,
    parts: results.map(({ part, label, throughput, unit, peakBytes }) => ({
      part,
      label,
      throughput,
      unit,
      peakBytes,
    })),
    unseenParts: results.filter(({ isListed }) => isListed === false).length,
    strangers: strangersOf(all(processesLine).filter(within), processes),
    recorderFailures: sum([...collectors.values()].map(({ failures }) => failures)),
    recorderDrops: sum([...collectors.values()].map(({ drops }) => drops)),
  };
}

function meansOf(samples: readonly GpuLine[]): Row["means"] {
  const means: Row["means"] = {};
  for (const name of QUANTITIES) {
    const mean = meanOf(valuesOf(samples, name));
    if (mean !== undefined) means[name] = rounded(mean, 4);
  }
  return means;
}

function powerOf(
  samples: readonly GpuLine[],
  phases: readonly z.infer<typeof phaseLine>[],
): Pick<Row, "powerCv" | "energyWatts" | "onWatts" | "offWatts"> {
  const watts = valuesOf(samples, "powerWatts");
  const mean = meanOf(watts);
  const variance = mean && meanOf(watts.map((each) => (each - mean) ** 2));
  const counted = samples.filter(({ energyJoules }) => typeof energyJoules === "number");
  const [first, last] = [counted[0], counted.at(-1)];
  const took = first && last ? last.t - first.t : 0;
  const phaseAt = (t: number): boolean | undefined =>
    phases.findLast(({ t: since, on }) => on !== undefined && since <= t)?.on;
  const inPhase = (on: boolean): number | undefined =>
    meanOf(
      valuesOf(
        samples.filter(({ t }) => phaseAt(t) === on),
        "powerWatts",
      ),
    );
  return {
    powerCv: mean && variance !== undefined ? rounded(Math.sqrt(variance) / mean, 4) : undefined,
    energyWatts:
      took > 0
        ? rounded(((last?.energyJoules ?? 0) - (first?.energyJoules ?? 0)) / took, 1)
        : undefined,
    onWatts: inPhase(true),
    offWatts: inPhase(false),
  };
}

function strangersOf(
  lists: readonly z.infer<typeof processesLine>[],
  own: readonly Truth[],
): number {
  const known = new Set(own.map(({ pid }) => pid));
  const seen = new Set(lists.flatMap(({ list }) => list.map(({ pid }) => pid)));
  return [...seen].filter((pid) => !known.has(pid)).length;
}

function everGiven(samples: readonly GpuLine[]): number | undefined {
  const given = valuesOf(samples, "clockEventReasons");
  return given.length === 0 ? undefined : given.reduce((all, mask) => all | mask, 0);
}

const valuesOf = (samples: readonly GpuLine[], name: string): number[] =>
  samples.flatMap((sample) => {
    const value = sample[name];
    return typeof value === "number" ? [value] : [];
  });
const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);
const meanOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : sum(values) / values.length;
const most = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : Math.max(...values);
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
