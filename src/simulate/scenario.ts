import type { DeviceModel } from "./device-models.ts";
import { gpuIndices, gpusOf } from "./devices.ts";
import { hashOf } from "./random.ts";
import type { SensorSettings } from "./sensors.ts";
import type { ReadSpec } from "./spec-yaml.ts";
import type { GpuSpec, HostSpec, OwnerSpec, Spec, WorkloadSpec } from "./spec-schema.ts";
import type { Conditions } from "./operating.ts";
import { inferencePlan } from "./workloads/inference.ts";
import { miningPlan } from "./workloads/mining.ts";
import { otherPlan } from "./workloads/other.ts";
import { GIB, type Plan, type Stage } from "./workloads/plan.ts";
import { trainingPlan } from "./workloads/training.ts";
import type { Duty } from "./rhythm.ts";

/** A specification with all that follows from it: what a simulation runs. */
export interface Scenario {
  seed: number;
  node: Spec["node"];
  gpus: readonly ScenarioGpu[];
  jobs: readonly Job[];
  /** Undefined where nobody looks beside the devices. */
  host: readonly HostSpec[] | undefined;
  faults: Spec["faults"];
}

export interface ScenarioGpu {
  index: number;
  uuid: string;
  model: DeviceModel;
  powerLimitWatts: number;
  sensors: SensorSettings;
  /** Of the MPS server that its processes work through. */
  mpsPid: number | undefined;
}

/** A workload: one process on each of its devices. */
export interface Job {
  name: string;
  plan: Plan;
  fromSecond: number;
  /** From here to here it works; before, it starts up, and after, it only holds its memory. */
  worksFromSecond: number;
  worksToSecond: number;
  toSecond: number;
  memoryBytes: number;
  gpus: readonly number[];
  /** Of the first rank; the others follow. */
  pid: number;
  owner: OwnerSpec;
  hidden: boolean | "host";
  measured: boolean;
  launches: boolean;
  duty: Duty | undefined;
}

const FIRST_PID = 4001;
const IDLE_BYTES = 4 * GIB;

/**
 * What a checked specification comes to.
 * @throws AssayError `simulate/invalid` for what only the devices' speed and memory show
 */
export function scenarioOf({ spec, invalid }: ReadSpec, seed: number = spec.node.seed): Scenario {
  const pids = new Pids(spec);
  const gpus = gpusOf(spec).map(({ spec: gpu, model }, index) =>
    scenarioGpu(spec.node.name, gpu, model, index),
  );
  const jobs = spec.workloads.map((workload, i) => {
    const listed = gpuIndices(spec, workload.gpus);
    const name = workload.name ?? `${workload.kind}-${i}`;
    const refuse = (field: string, message: string, hint: string): never => {
      throw invalid(["workloads", i, field], message, hint);
    };
    const devices = listed.flatMap((index) => gpus[index] ?? []).map(conditionsOf);
    const plan = planOf(workload, { devices, seed: hashOf(`${seed}/${name}`), refuse });
    return jobOf(workload, plan, { name, gpus: listed, spec, pids });
  });
  for (const [i, job] of jobs.entries()) {
    const full = job.gpus.find(
      (gpu) => memoryAtMost(jobs, gpu, job.fromSecond) > bytesOf(gpus, gpu),
    );
    if (full !== undefined)
      throw invalid(
        ["workloads", i, "memory"],
        `GPU ${full} would have to hold ${gib(memoryAtMost(jobs, full, job.fromSecond))}`,
        `it has ${gib(bytesOf(gpus, full))}: set memory of what runs there at that time`,
      );
  }
  // Last, so that a server that is added leaves the others their numbers.
  const served = gpus.map((gpu, i) =>
    gpusOf(spec)[i]?.spec.mps ? { ...gpu, mpsPid: pids.take(1) } : gpu,
  );
  return { seed, node: spec.node, gpus: served, jobs, host: spec.host, faults: spec.faults };
}

function scenarioGpu(node: string, gpu: GpuSpec, model: DeviceModel, index: number): ScenarioGpu {
  const { sensors } = gpu;
  const hash = hashOf(node).toString(16).padStart(8, "0");
  return {
    index,
    uuid: gpu.uuid ?? `GPU-${hash}-0000-4000-8000-${index.toString(16).padStart(12, "0")}`,
    model,
    powerLimitWatts: gpu.powerLimitWatts ?? model.powerLimitWatts,
    mpsPid: undefined,
    sensors: {
      counters: gpu.counters,
      powerAverageSeconds: sensors.powerAverage,
      powerRefreshSeconds: sensors.powerRefresh,
      utilWindowSeconds: sensors.utilWindow,
      powerNoise: sensors.powerNoise,
      counterNoise: sensors.counterNoise,
    },
  };
}

function planOf(workload: WorkloadSpec, stage: Stage): Plan {
  switch (workload.kind) {
    case "training":
      return trainingPlan(workload, stage);
    case "inference":
      return inferencePlan(workload);
    case "mining":
      return miningPlan(workload);
    case "other":
      return otherPlan(workload);
    case "idle":
      return {
        label: "idle",
        variant: "idle-memory-held",
        memoryBytes: IDLE_BYTES,
        start: () => function* nothing() {},
      };
  }
}

function jobOf(
  workload: WorkloadSpec,
  plan: Plan,
  at: { name: string; gpus: number[]; spec: Spec; pids: Pids },
): Job {
  const { owner, hidden, measured, launches, duty } = workload;
  const [fromSecond, toSecond] = [workload.from ?? 0, workload.to ?? at.spec.node.length];
  return {
    name: at.name,
    plan,
    fromSecond,
    toSecond,
    worksFromSecond: fromSecond + workload.startup,
    worksToSecond: toSecond - workload.linger,
    memoryBytes: workload.memory ?? plan.memoryBytes,
    gpus: at.gpus,
    pid: owner.pid ?? at.pids.take(at.gpus.length),
    owner,
    hidden,
    measured,
    launches,
    duty,
  };
}

/** Numbers for the processes that were given none. */
class Pids {
  readonly #taken = new Set<number>();
  #next = FIRST_PID;

  constructor(spec: Spec) {
    for (const { pid } of spec.host ?? []) this.#taken.add(pid);
    for (const { owner, gpus } of spec.workloads)
      for (const rank of gpuIndices(spec, gpus).keys())
        if (owner.pid !== undefined) this.#taken.add(owner.pid + rank);
  }

  /** The first of so many in a row. */
  take(count: number): number {
    let first = this.#next;
    for (let pid = first; pid < first + count; pid += 1) if (this.#taken.has(pid)) first = pid + 1;
    this.#next = first + count;
    return first;
  }
}

function conditionsOf({ model, powerLimitWatts }: ScenarioGpu): Conditions {
  return { model, powerLimitWatts, maxClockMHz: model.maxClockMHz };
}

/** What all processes of a device hold at a moment, once they have started up. */
function memoryAtMost(jobs: readonly Job[], gpu: number, second: number): number {
  return jobs
    .filter((job) => job.gpus.includes(gpu))
    .filter((job) => job.fromSecond <= second && second < job.toSecond)
    .reduce((sum, job) => sum + job.memoryBytes, 0);
}

function bytesOf(gpus: readonly ScenarioGpu[], index: number): number {
  return gpus[index]?.model.memoryBytes ?? 0;
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}
