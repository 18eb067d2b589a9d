import { type ClockLimit, SimulatedGpu } from "./gpu.ts";
import { type Rhythm, SimulatedProcess } from "./process.ts";
import { streamOf } from "./random.ts";
import { rhythmOf } from "./rhythm.ts";
import type { Job, Scenario, ScenarioGpu } from "./scenario.ts";
import { Sensors } from "./sensors.ts";
import { afterStartup, memoryAt } from "./startup.ts";

/** A job in one run of a scenario. */
export interface Cast {
  job: Job;
  programOf: ReturnType<Job["plan"]["start"]>;
  rhythm: Rhythm | undefined;
}

/** A process on a device, and the job that it is a rank of. */
export interface Player {
  job: Job;
  pid: number;
  process: SimulatedProcess;
}

/** One device with its sensors and all that will ever run on it. */
export interface DeviceStage {
  of: ScenarioGpu;
  gpu: SimulatedGpu;
  sensors: Sensors;
  players: readonly Player[];
}

const THERMAL_REASON = 0x20;
const USER_REASON = 0x2;
/** Energy counters count from the driver's start, which was some days ago. */
const MOST_JOULES_BEFORE = 5e7;

export function castsOf({ jobs, seed }: Scenario): Cast[] {
  return jobs.map((job) => {
    const { name, duty, worksFromSecond } = job;
    const random = streamOf(seed, name, "duty");
    const rhythm = duty && rhythmOf(duty, worksFromSecond, random);
    return { job, programOf: job.plan.start(), rhythm };
  });
}

export function stagesOf(scenario: Scenario, casts: readonly Cast[]): DeviceStage[] {
  const { seed, faults } = scenario;
  return scenario.gpus.map((of) => {
    const players = casts.flatMap((cast) => playerOn(of.index, cast, seed) ?? []);
    const processes = players.map(({ process }) => process);
    const limits = faults.clockLimits.filter(({ gpu }) => gpu === of.index);
    const gpu = new SimulatedGpu(of.model, of.powerLimitWatts, processes, limits.map(limitOf));
    const random = streamOf(seed, "sensors", of.index);
    const joules = Math.floor(random() * MOST_JOULES_BEFORE);
    return { of, gpu, players, sensors: new Sensors(of.model, of.sensors, random, joules) };
  });
}

function limitOf(limit: Scenario["faults"]["clockLimits"][number]): ClockLimit {
  return {
    fromSecond: limit.from ?? 0,
    toSecond: limit.to ?? Infinity,
    maxMHz: limit.maxMHz,
    reason: limit.reason === "thermal" ? THERMAL_REASON : USER_REASON,
  };
}

function playerOn(gpu: number, { job, programOf, rhythm }: Cast, seed: number): Player | undefined {
  const rank = job.gpus.indexOf(gpu);
  if (rank < 0) return undefined;
  const process = new SimulatedProcess({
    fromSecond: job.fromSecond,
    toSecond: job.toSecond,
    memoryAt: (second) => memoryAt(job, second),
    program: (surroundings) => afterStartup(job, programOf(rank, surroundings)),
    random: streamOf(seed, job.name, rank),
    rhythm: { isOn: (second) => isAtWork(job, rhythm, second) },
    traced: job.launches && job.hidden !== true,
  });
  return { job, pid: job.pid + rank, process };
}

/** It pauses in its work: until that begins there is nothing to pause, and after it nothing runs. */
function isAtWork(job: Job, rhythm: Rhythm | undefined, second: number): boolean {
  if (second < job.worksFromSecond) return true;
  return second < job.worksToSecond && (rhythm?.isOn(second) ?? true);
}
