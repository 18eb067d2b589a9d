/** A made-up node of eight GPUs at work, for measuring speed. It proves nothing about devices. */
import type { NodeObservation, Observation } from "../src/model/observation.ts";
import { type Scenario, scenarioOf } from "../src/simulate/scenario.ts";
import { headerOf, simulate, type SimulatedLine } from "../src/simulate/simulate.ts";
import { specOf } from "../src/simulate/spec-yaml.ts";

export const GPU_COUNT = 8;
const SEED = 8;

export function simulatedNode(hz: number): NodeObservation {
  return headerOf(scenario(hz, 60));
}

/** Tick by tick what a live node of that rate sees: each GPU's readings with its processes. */
export function* simulatedTicks(hz: number, seconds: number): Generator<Observation[]> {
  for (const lines of simulate(scenario(hz, seconds))) {
    const seen = lines.filter(isObserved);
    if (seen.length > 0) yield seen;
  }
}

/** The header is {@link simulatedNode}'s to give; truth and phases no node sees. */
function isObserved(line: SimulatedLine): line is Observation {
  return line.kind !== "truth" && line.kind !== "phase" && line.kind !== "node";
}

/** Owners, arguments and environment of a usual length; processes are looked at in every tick. */
function scenario(hz: number, seconds: number): Scenario {
  const interval = `${1000 / hz}ms`;
  const spec = {
    node: {
      name: "bench-node",
      interval,
      length: `${seconds}s`,
      processes: interval,
      jitter: "0s",
      // Coarse: what is measured is the reader, and this must not take the most of the time.
      resolution: `${Math.min(100, 1000 / hz)}ms`,
      seed: SEED,
    },
    gpus: [{ model: "h100-sxm", count: GPU_COUNT }],
    workloads: [
      {
        kind: "training",
        gpus: [0, 1, 2, 3],
        step: "1600ms",
        checkpoint: { every: 40, length: "8s" },
        owner: ownerOf("alice", 0),
      },
      {
        kind: "inference",
        gpus: [4],
        bursts: { period: "94s", quiet: 0 },
        owner: ownerOf("user4", 4),
      },
      { kind: "other", gpus: [5], program: "simulation", owner: ownerOf("user5", 5) },
      { kind: "mining", gpus: [6], owner: ownerOf("user6", 6) },
    ],
  };
  return scenarioOf(specOf(spec));
}

function ownerOf(user: string, gpu: number): object {
  return {
    pid: 4000 + gpu,
    ppid: 3999,
    comm: "python3",
    exe: "/usr/bin/python3.11",
    argv: ["python3", "-m", "job.main", "--config", "/jobs/7/config.yaml", "--rank", String(gpu)],
    user,
    cgroup: `/system.slice/docker-${String(gpu).repeat(64)}.scope`,
    environ: { RANK: String(gpu), LOCAL_RANK: String(gpu), WORLD_SIZE: "4", SLURM_JOB_ID: "7" },
  };
}
