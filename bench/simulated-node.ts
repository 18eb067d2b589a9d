/** A made-up node of eight GPUs at work, for measuring speed. It proves nothing about devices. */
import type { NodeObservation, Observation } from "../src/model/observation.ts";
import type { ProcessSighting } from "../src/model/sample.ts";
import { DemoDevice, GIB, POWER_LIMIT_WATTS, STEP_SECONDS } from "./demo/device.ts";
import { seededRandom } from "./demo/random.ts";
import {
  hashing,
  hiddenCompute,
  nothing,
  serving,
  training,
  type Workload,
} from "./demo/workloads.ts";

export const GPU_COUNT = 8;
const START_MS = Date.UTC(2026, 0, 5, 9);
const SEED = 8;

export function simulatedNode(hz: number): NodeObservation {
  return {
    kind: "node",
    atMs: START_MS,
    node: "bench-node",
    source: "simulated",
    simulated: true,
    intervalMs: 1000 / hz,
    gpus: Array.from({ length: GPU_COUNT }, (_, index) => ({
      index,
      uuid: `GPU-be7c0000-0000-4000-8000-00000000000${index}`,
      model: "NVIDIA H100 80GB HBM3",
      memoryTotalBytes: 80 * GIB,
      powerLimitWatts: POWER_LIMIT_WATTS,
    })),
  };
}

/** Tick by tick what a live node of that rate sees: each GPU's readings with its processes. */
export function* simulatedTicks(hz: number, seconds: number): Generator<Observation[]> {
  const random = seededRandom(SEED);
  const checkpoint = { fromSecond: 60, toSecond: 68 };
  const work: Workload[] = [
    ...Array.from({ length: 4 }, () => training(random, checkpoint)),
    serving(random),
    hiddenCompute(random),
    hashing(),
    nothing,
  ];
  const stages = work.map((workload, gpu) => ({
    gpu,
    workload,
    device: new DemoDevice(random, 0),
  }));
  const steps = Math.round(1 / hz / STEP_SECONDS);
  for (let tick = 0; tick < hz * seconds; tick += 1) {
    const atMs = START_MS + Math.round((tick * 1000) / hz);
    yield stages.flatMap(({ gpu, workload, device }): Observation[] => {
      for (let step = 0; step < steps; step += 1)
        device.step(workload(tick / hz + step * STEP_SECONDS));
      const readings = device.read();
      const { gpuUtil, memUtil, memUsedBytes } = readings;
      const list = workload === nothing ? [] : [{ ...tenantOf(gpu), smUtil: gpuUtil, memUtil }];
      return [
        { kind: "gpu", atMs, gpu, ...readings },
        { kind: "processes", atMs, gpu, list: list.map((each) => ({ ...each, memUsedBytes })) },
      ];
    });
  }
}

/** Owners, arguments and environment of a usual length. */
function tenantOf(gpu: number): ProcessSighting {
  return {
    pid: 4000 + gpu,
    ppid: 3999,
    startTimeMs: START_MS - 60_000 - gpu,
    comm: "python3",
    exe: "/usr/bin/python3.11",
    argv: ["python3", "-m", "job.main", "--config", "/jobs/7/config.yaml", "--rank", String(gpu)],
    user: gpu < 4 ? "alice" : `user${gpu}`,
    cgroup: `/system.slice/docker-${String(gpu).repeat(64)}.scope`,
    environ: { RANK: String(gpu), LOCAL_RANK: String(gpu), WORLD_SIZE: "4", SLURM_JOB_ID: "7" },
  };
}
