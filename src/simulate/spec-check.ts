import { DEVICE_MODELS } from "./device-models.ts";
import { deviceModel, gpuIndices, gpusOf } from "./devices.ts";
import { MEASURED } from "./sensors.ts";
import type { Spec } from "./spec-schema.ts";

/** What one setting makes wrong in the light of another. */
export interface Fault {
  path: readonly (string | number)[];
  message: string;
  hint: string;
}

const MAX_GPUS = 64;
/** From here on the reader of recordings takes a time for milliseconds: in the year 5138. */
const MAX_UNIX_SECONDS = 1e11;
const CHECKS = [
  nodeFaults,
  calendarFaults,
  deviceFaults,
  gpuFaults,
  workloadFaults,
  pidFaults,
  hostFaults,
  faultFaults,
];

/** The first thing that cannot be, in the order of the specification. */
export function firstFault(spec: Spec): Fault | undefined {
  for (const check of CHECKS) for (const found of check(spec)) return found;
  return undefined;
}

function* nodeFaults({ node }: Spec): Generator<Fault> {
  const { interval, length, jitter, resolution } = node;
  if (length < interval)
    yield fault(["node", "length"], "is shorter than one interval", "make it longer");
  if (jitter >= interval / 2)
    yield fault(
      ["node", "jitter"],
      "is half of the interval or more",
      "readings must stay in order",
    );
  if (resolution > interval)
    yield fault(["node", "resolution"], "is longer than the interval", "make it as long at most");
}

/** A file with a later time is refused by whoever reads it. */
function* calendarFaults({ node, faults, workloads, host }: Spec): Generator<Fault> {
  const hint = "every time of the recording must be before 5138-11-16T09:46:40Z";
  // The last reading may be late, by less than an interval.
  const last = node.length + node.interval;
  const steps = faults.timeSteps;
  const clockAt = (second: number, upTo = steps.length): number =>
    steps
      .slice(0, upTo)
      .reduce((sum, { at, by }) => (at <= second ? sum + by : sum), node.start / 1000 + second);
  if (clockAt(last, 0) >= MAX_UNIX_SECONDS)
    yield fault(["node", "start"], "makes times that are too late to be read again", hint);
  for (const i of steps.keys())
    if (clockAt(last, i + 1) >= MAX_UNIX_SECONDS)
      yield fault(
        ["faults", "timeSteps", i, "by"],
        "sets the clock too far to be read again",
        hint,
      );
  const starts = [
    ...workloads.map(({ owner }, i) => ({ path: ["workloads", i, "owner"], of: owner })),
    ...(host ?? []).map((of, i) => ({ path: ["host", i], of })),
  ];
  for (const { path, of } of starts)
    if (of.started !== undefined && clockAt(of.started) >= MAX_UNIX_SECONDS)
      yield fault([...path, "started"], "is too late to be read again", hint);
}

function* deviceFaults(spec: Spec): Generator<Fault> {
  for (const [name, device] of Object.entries(spec.devices)) {
    const model = deviceModel(spec, name);
    if (!model) continue;
    if (model.restWatts + model.contextWatts >= device.powerLimitWatts)
      yield fault(
        ["devices", name, "powerLimitWatts"],
        "leaves nothing for work",
        `rest and context take ${model.restWatts + model.contextWatts} W`,
      );
    if (model.minClockMHz > model.maxClockMHz)
      yield fault(["devices", name, "maxClockMHz"], "is below the lowest clock", "raise it");
  }
}

function* gpuFaults(spec: Spec): Generator<Fault> {
  const uuids = new Set<string>();
  for (const [i, gpu] of spec.gpus.entries()) {
    const model = deviceModel(spec, gpu.model);
    if (!model) {
      const known = [...Object.keys(spec.devices), ...DEVICE_MODELS.keys()].join(", ");
      yield fault(["gpus", i, "model"], "there is no such device", `known: ${known}`);
      continue;
    }
    const least = model.restWatts + model.contextWatts;
    const limit = gpu.powerLimitWatts ?? model.powerLimitWatts;
    if (limit <= least || limit > model.powerLimitWatts)
      yield fault(
        ["gpus", i, "powerLimitWatts"],
        `${limit} W is no limit of this board`,
        `above ${least} W, and ${model.powerLimitWatts} W at most`,
      );
    if (gpu.uuid === undefined) continue;
    if (gpu.count > 1)
      yield fault(["gpus", i, "uuid"], "several GPUs cannot share it", "list them one by one");
    if (uuids.has(gpu.uuid))
      yield fault(["gpus", i, "uuid"], "another GPU has it", "every GPU has its own");
    uuids.add(gpu.uuid);
  }
  if (gpuIndices(spec, "all").length > MAX_GPUS)
    yield fault(["gpus"], "too many GPUs", `${MAX_GPUS} at most`);
}

function* workloadFaults(spec: Spec): Generator<Fault> {
  for (const [i, workload] of spec.workloads.entries()) {
    const at = ["workloads", i];
    const listed = gpuIndices(spec, workload.gpus);
    yield* gpusListed(spec, [...at, "gpus"], listed);
    if (new Set(listed).size < listed.length)
      yield fault([...at, "gpus"], "a GPU is named twice", "a process each: name it once");
    yield* spanFaults(spec, at, workload);
    const to = workload.to ?? spec.node.length;
    if ((workload.from ?? 0) + workload.startup >= to - workload.linger)
      yield fault([...at, "startup"], "leaves no time to work", "shorten it, or linger");
    if (workload.kind === "training" && workload.step !== undefined && workload.tokens)
      yield fault([...at, "tokens"], "step already says how many", "give one of them");
    const { duty } = workload;
    if (duty && "period" in duty && duty.period < spec.node.resolution)
      yield fault([...at, "duty", "period"], "is finer than node.resolution", "make it longer");
  }
}

function* pidFaults(spec: Spec): Generator<Fault> {
  const taken = new Set<number>();
  const places = [
    ...spec.workloads.map(({ owner, gpus }, i) => ({
      path: ["workloads", i, "owner", "pid"],
      pid: owner.pid,
      count: gpuIndices(spec, gpus).length,
    })),
    ...(spec.host ?? []).map(({ pid }, i) => ({ path: ["host", i, "pid"], pid, count: 1 })),
  ];
  for (const { path, pid, count } of places) {
    if (pid === undefined) continue;
    for (let rank = 0; rank < count; rank += 1) {
      if (taken.has(pid + rank))
        yield fault(path, `process ${pid + rank} is there already`, "ranks take the pids after it");
      taken.add(pid + rank);
    }
  }
}

function* hostFaults(spec: Spec): Generator<Fault> {
  for (const [i, process] of (spec.host ?? []).entries())
    yield* spanFaults(spec, ["host", i], process);
}

function* faultFaults(spec: Spec): Generator<Fault> {
  const { gaps, stuck, clockLimits } = spec.faults;
  for (const [i, gap] of gaps.entries()) {
    const at = ["faults", "gaps", i];
    if (gap.gpu !== undefined) yield* gpusListed(spec, [...at, "gpu"], [gap.gpu]);
    yield* spanFaults(spec, at, gap);
  }
  const gpus = gpusOf(spec);
  for (const [i, each] of stuck.entries()) {
    const at = ["faults", "stuck", i];
    yield* gpusListed(spec, [...at, "gpu"], [each.gpu]);
    yield* spanFaults(spec, at, each);
    const counters = gpus[each.gpu]?.spec.counters ?? "full";
    if (!MEASURED[counters].includes(each.quantity))
      yield fault(
        [...at, "quantity"],
        `is not measured with counters: ${counters}`,
        "name another",
      );
  }
  for (const [i, each] of clockLimits.entries()) {
    const at = ["faults", "clockLimits", i];
    yield* gpusListed(spec, [...at, "gpu"], [each.gpu]);
    yield* spanFaults(spec, at, each);
    const model = gpus[each.gpu]?.model;
    if (model && (each.maxMHz < model.minClockMHz || each.maxMHz > model.maxClockMHz))
      yield fault(
        [...at, "maxMHz"],
        "is no clock of this device",
        `${model.minClockMHz} to ${model.maxClockMHz} MHz`,
      );
  }
}

function* gpusListed(
  spec: Spec,
  path: Fault["path"],
  indices: readonly number[],
): Generator<Fault> {
  const count = gpuIndices(spec, "all").length;
  const missing = indices.find((index) => index >= count);
  if (missing !== undefined)
    yield fault(path, `there is no GPU ${missing}`, `the node has ${count}, from 0 on`);
}

function* spanFaults(
  { node }: Spec,
  at: Fault["path"],
  { from = 0, to = node.length }: { from?: number | undefined; to?: number | undefined },
): Generator<Fault> {
  if (to > node.length)
    yield fault([...at, "to"], "is after the end", `the recording is ${node.length} s long`);
  if (from >= to)
    yield fault([...at, "from"], "is not before its end", "`from` must be before `to`");
}

function fault(path: Fault["path"], message: string, hint: string): Fault {
  return { path, message, hint };
}
