import type { KnownGpu } from "../../src/ledger/contract.ts";
import { LABELS } from "../../src/model/label.ts";
import type { Slice } from "../../src/model/slice.ts";

/** A plausible node: eight GPUs, three owners on each, labels that last for minutes to hours. */
export const WINDOW_MS = 10_000;
export const OWNERS_A_GPU = 3;
const GPU_COUNT = 8;
/** 2026-01-01T00:00:00Z */
export const START_MS = 1_767_225_600_000;

export const GPUS: readonly KnownGpu[] = Array.from({ length: GPU_COUNT }, (_, index) => ({
  uuid: `GPU-${index}`,
  node: "node-1",
  index,
  model: "NVIDIA H100 80GB HBM3",
  firstSeenMs: START_MS,
  simulated: true,
}));

/** Slices of each window for all GPUs. */
export const SLICES_A_WINDOW = GPU_COUNT * OWNERS_A_GPU;

/** All slices of window number `n`: the same for each run. */
export function windowSlices(n: number): Slice[] {
  const fromMs = START_MS + n * WINDOW_MS;
  return GPUS.flatMap(({ uuid, index }) => {
    const first = 2000 + noise(n, index) * 4000;
    const second = 1000 + noise(n, index + 100) * 2000;
    const times = [Math.round(first), Math.round(second)];
    times.push(WINDOW_MS - times.reduce((sum, each) => sum + each, 0));
    return times.map((timeMs, owner) => sliceOf(uuid, index, n, owner, timeMs, fromMs));
  });
}

function sliceOf(
  gpuUuid: string,
  index: number,
  n: number,
  owner: number,
  timeMs: number,
  fromMs: number,
): Slice {
  // From five minutes to two hours, by owner: 30 to 720 windows.
  const lasts = 30 + Math.floor(noise(index, owner) * 690);
  const spell = Math.floor(n / lasts);
  const label = LABELS[Math.floor(noise(spell, index * 10 + owner) * LABELS.length)] ?? "unknown";
  const job = Math.floor(spell / 6);
  const energyMj = Math.round(timeMs * (120 + noise(n, owner) * 500));
  return {
    node: "node-1",
    gpuUuid,
    fromMs,
    toMs: fromMs + WINDOW_MS,
    owner: owner === 2 ? { kind: "idle", id: "" } : { kind: "job", id: `${index}-${owner}-${job}` },
    timeMs,
    energyMj,
    idleEnergyMj: Math.min(energyMj, timeMs * 80),
    basis: "process-utilization",
    label,
    confidence: Math.round(noise(spell, owner) * 100) / 100,
    evidence: [
      { family: "telemetry", feature: "gpuUtil", value: spell % 50, text: "use", weights: {} },
    ],
    modelVersion: "model-1",
    agentVersion: "0.1.0",
    simulated: true,
  };
}

/** 0..1, the same for the same numbers. */
function noise(a: number, b: number): number {
  let x = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}
