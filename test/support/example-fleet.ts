import type { GapRecord, KnownGpu } from "../../src/ledger/contract.ts";
import type { Label } from "../../src/model/label.ts";

import type { Slice } from "../../src/model/slice.ts";
import { splitInteger } from "../../src/model/split.ts";
import { type Random, streamOf } from "../../src/simulate/random.ts";
import { gpu, slice } from "./slices.ts";

/*
 * Two made-up days of a made-up node with eight GPUs: training, serving, a notebook that holds a
 * device overnight, a miner by night, and two gaps. The same seed gives the same slices everywhere.
 */
export const FLEET_FROM = Date.parse("2026-03-02T00:00:00Z");
export const FLEET_TO = Date.parse("2026-03-04T00:00:00Z");
const HOUR = 3_600_000;

export const FLEET_PRICES = `
currency: EUR
gpus:
  - { model: "NVIDIA H100*", perGpuHour: "2.49", from: 2026-01-01, to: 2026-03-03T06:00Z }
  - { model: "NVIDIA H100*", perGpuHour: "2.19", from: 2026-03-03T06:00Z }
  - { model: "NVIDIA L40S", perGpuHour: "0.98", from: 2026-01-01 }
energy:
  - { perKwh: "0.2415", from: 2026-01-01 }
`;

interface Part {
  owner: string;
  label: Label;
  /** Weight in its window, and how much that wavers. */
  weight: number;
  confidence: number;
}

interface Act {
  gpus: readonly number[];
  /** Hours since the beginning. */
  from: number;
  to: number;
  parts: readonly Part[];
}

const part = (owner: string, label: Label, weight: number, confidence = 0.9): Part => ({
  owner,
  label,
  weight,
  confidence,
});

const TRAINING = "job:slurm/48213";
const SERVING = "pod:search/llm-serve-0";
const served = (weight: number): Part[] => [
  part(SERVING, "inference-like", weight, 0.84),
  part("idle:pod:search/llm-serve-0", "idle", 1 - weight),
];
const held = (owner: string): Part[] => [part(`idle:${owner}`, "idle", 1)];

/** Later acts come before earlier ones; where there is none a device is idle and free. */
const STORY: readonly Act[] = [
  {
    gpus: [0, 1, 2, 3],
    from: 1.5,
    to: 21,
    parts: [part(TRAINING, "training-like", 0.97, 0.94), part(`idle:${TRAINING}`, "idle", 0.03)],
  },
  { gpus: [2, 3], from: 9, to: 10.5, parts: held(TRAINING) },
  {
    gpus: [0, 1],
    from: 24,
    to: 44,
    parts: [
      part("job:slurm/48377", "training-like", 0.93, 0.9),
      part("idle:job:slurm/48377", "idle", 0.07),
    ],
  },
  { gpus: [4], from: 0, to: 6, parts: served(0.18) },
  { gpus: [4], from: 6, to: 19, parts: served(0.72) },
  { gpus: [4], from: 19, to: 30, parts: served(0.22) },
  { gpus: [4], from: 30, to: 43, parts: served(0.78) },
  { gpus: [4], from: 43, to: 48, parts: served(0.25) },
  {
    gpus: [5],
    from: 8,
    to: 17.5,
    parts: [
      part("user:alice", "training-like", 0.42, 0.71),
      part("user:bo.lindqvist", "other", 0.3, 0.66),
      part("idle:user:alice", "idle", 0.28),
    ],
  },
  { gpus: [5], from: 17.5, to: 32, parts: held("user:alice") },
  {
    gpus: [5],
    from: 32,
    to: 42,
    parts: [
      part("user:alice", "training-like", 0.55, 0.74),
      part("user:bo.lindqvist", "unknown", 0.2, 0.41),
      part("idle:user:alice", "idle", 0.25),
    ],
  },
  {
    gpus: [6],
    from: 7,
    to: 20,
    parts: [
      part("container:9f2c41d07b6e", "inference-like", 0.48, 0.77),
      part("idle", "idle", 0.52),
    ],
  },
  {
    gpus: [6],
    from: 22,
    to: 29.2,
    parts: [
      part("user:guest07", "mining-like", 0.98, 0.93),
      part("unattributed", "unknown", 0.02, 0.3),
    ],
  },
  {
    gpus: [6],
    from: 33,
    to: 41,
    parts: [
      part("container:9f2c41d07b6e", "inference-like", 0.61, 0.8),
      part("idle", "idle", 0.39),
    ],
  },
  {
    gpus: [7],
    from: 10,
    to: 15,
    parts: [
      part("user:chen", "other", 0.64, 0.7),
      part("unattributed", "unknown", 0.1, 0.35),
      part("idle", "idle", 0.26),
    ],
  },
  {
    gpus: [7],
    from: 22.5,
    to: 27,
    parts: [
      part("user:guest07", "mining-like", 0.35, 0.81),
      part("user:chen", "training-like", 0.6, 0.78),
      part("idle", "idle", 0.05),
    ],
  },
  {
    gpus: [7],
    from: 34,
    to: 39,
    parts: [part("user:chen", "other", 0.7, 0.72), part("idle", "idle", 0.3)],
  },
  {
    gpus: [2],
    from: 26,
    to: 31,
    parts: [
      part("user:dagmar", "training-like", 0.85, 0.83),
      part("idle:user:dagmar", "idle", 0.15),
    ],
  },
  { gpus: [2], from: 31, to: 48, parts: held("user:dagmar") },
];

const GAPS: readonly GapRecord[] = [
  {
    node: "gpu-07",
    source: "daemon",
    reason: "not running",
    fromMs: FLEET_FROM + 27.5 * HOUR,
    toMs: FLEET_FROM + 28.25 * HOUR,
  },
  {
    node: "gpu-07",
    gpuUuid: uuid(3),
    source: "nvml",
    reason: "the driver did not answer",
    fromMs: FLEET_FROM + 36 * HOUR,
    toMs: FLEET_FROM + 38.5 * HOUR,
  },
];

function uuid(index: number): string {
  return `GPU-5ca1ab1e-0007-4c0d-8${index}00-00000000000${index}`;
}

export interface Fleet {
  gpus: KnownGpu[];
  slices: Slice[];
  gaps: GapRecord[];
}

/** @param windowMs length of a slice's window: shorter ones are more of the same */
export function exampleFleet(seed = 7, windowMs = 60_000): Fleet {
  const random = streamOf(seed, "fleet");
  const gpus = Array.from({ length: 8 }, (_, index) =>
    gpu(uuid(index), {
      node: "gpu-07",
      index,
      firstSeenMs: FLEET_FROM,
      simulated: true,
      ...(index > 5 ? { model: "NVIDIA L40S" } : {}),
    }),
  );
  const slices = gpus.flatMap((device) => slicesOf(device, windowMs, random));
  return { gpus, slices, gaps: [...GAPS] };
}

function slicesOf(device: KnownGpu, windowMs: number, random: Random): Slice[] {
  const out: Slice[] = [];
  for (let fromMs = FLEET_FROM; fromMs < FLEET_TO; fromMs += windowMs) {
    const isGap = GAPS.some(
      (gap) =>
        (gap.gpuUuid ?? device.uuid) === device.uuid && gap.fromMs <= fromMs && fromMs < gap.toMs,
    );
    if (!isGap) out.push(...windowSlices(device, fromMs, windowMs, random));
  }
  return out;
}

function windowSlices(device: KnownGpu, fromMs: number, windowMs: number, random: Random): Slice[] {
  const hour = (fromMs - FLEET_FROM) / HOUR;
  const act = STORY.findLast(
    (each) => each.gpus.includes(device.index) && each.from <= hour && hour < each.to,
  );
  const parts = act?.parts ?? [part("idle", "idle", 1)];
  const claims = parts.map(({ owner, weight }) => ({
    key: owner,
    weight: weight * (0.8 + 0.4 * random()),
  }));
  const times = splitInteger(windowMs, claims);
  return parts.map((each, i) => {
    const timeMs = times[i] ?? 0;
    const watts = each.label === "idle" ? 70 : 520 + 120 * random();
    const energyMj = Math.round(watts * timeMs * (device.index > 5 ? 0.4 : 1));
    return slice(device.uuid, fromMs, fromMs + windowMs, each.owner, each.label, {
      node: device.node,
      timeMs,
      energyMj,
      idleEnergyMj: Math.min(energyMj, 60 * timeMs),
      confidence: Math.min(0.99, Math.max(0.05, each.confidence + 0.16 * (random() - 0.5))),
      simulated: true,
    });
  });
}
