import { bell, type Random } from "./random.ts";
import { GIB, type Load, NOTHING } from "./device.ts";

/** What a workload does at `second` seconds after its own start. Called once for each step. */
export type Workload = (second: number) => Load;

export const nothing: Workload = () => NOTHING;

/** Weights come over PCIe; a few small kernels unpack them. */
export function loading(fromBytes: number, toBytes: number, seconds: number): Workload {
  return (second) => ({
    ...NOTHING,
    sm: 0.04,
    occupancy: 0.02,
    dram: 0.03,
    pcieRx: (toBytes - fromBytes) / seconds,
    memoryBytes: fromBytes + ((toBytes - fromBytes) * Math.min(second, seconds)) / seconds,
  });
}

export function holding(memoryBytes: number): Workload {
  return () => ({ ...NOTHING, memoryBytes });
}

const TRAINING_BYTES = 58 * GIB;
/** Shares of a step of 1.6 s: forward, backward, optimizer; the rest waits for the next batch. */
const FORWARD = 0.31;
const BACKWARD = 0.81;
const OPTIMIZER = 0.94;
const TRAINING_STEP_SECONDS = 1.6;

/** Steps, tensor-bound but for the optimizer; a checkpoint stops them while weights leave by PCIe. */
export function training(
  random: Random,
  checkpoint: { fromSecond: number; toSecond: number },
): Workload {
  return (second) => {
    if (second >= checkpoint.fromSecond && second < checkpoint.toSecond)
      return { ...NOTHING, dram: 0.02, pcieTx: 2.6e9, memoryBytes: TRAINING_BYTES };
    const jitter = 1 + 0.05 * bell(random);
    const phase = (second % TRAINING_STEP_SECONDS) / TRAINING_STEP_SECONDS;
    const base = { ...NOTHING, memoryBytes: TRAINING_BYTES, pcieRx: 30e6, pcieTx: 8e6 };
    if (phase < FORWARD) return { ...base, ...matmul(0.56 * jitter, 0.38) };
    if (phase < BACKWARD) return { ...base, ...matmul(0.52 * jitter, 0.46) };
    if (phase < OPTIMIZER)
      return { ...base, sm: 0.9, occupancy: 0.6, dram: 0.86 * jitter, int: 0.05, fp32: 0.22 };
    return { ...base, pcieRx: 900e6 };
  };
}

function matmul(tensor: number, dram: number): Partial<Load> {
  return { sm: 0.9, occupancy: 0.22, tensor, dram, int: 0.07, fp32: 0.08, fp16: 0.02 };
}

const SERVING_BYTES = 70 * GIB;

/**
 * Requests come in waves. Each first runs its prompt through the tensor cores, then waits on memory
 * for every token; without a request the server only holds its memory.
 */
export function serving(random: Random): Workload {
  let prefillSteps = 0;
  let decodeSteps = 0;
  return (second) => {
    // Arrivals fall for 47 s, until none comes for a while, and rise for as long.
    const demand = Math.abs(((second / 47) % 2) - 1) - 0.15;
    if (random() < 0.12 * demand) {
      prefillSteps += 1 + Math.floor(random() * 3);
      decodeSteps += 8 + Math.floor(random() * 30);
    }
    const base = { ...NOTHING, memoryBytes: SERVING_BYTES, pcieRx: 4e6, pcieTx: 2e6 };
    if (prefillSteps > 0) {
      prefillSteps -= 1;
      return { ...base, ...matmul(0.62, 0.28), pcieRx: 30e6 };
    }
    if (decodeSteps === 0) return base;
    decodeSteps = Math.max(0, decodeSteps - 1 - (random() < 0.2 ? 1 : 0));
    const batch = 0.62 + 0.3 * random();
    return {
      ...base,
      sm: 0.5 * batch + 0.15,
      occupancy: 0.14,
      tensor: 0.12 * batch,
      dram: batch * 0.9,
      int: 0.04,
      fp32: 0.05,
    };
  };
}

/**
 * A hash that lives in registers: integer units all the time, nothing from memory, nothing over
 * PCIe, and no step or request that would break the line.
 */
export function hashing(): Workload {
  return () => ({
    ...NOTHING,
    sm: 0.99,
    occupancy: 0.5,
    dram: 0.002,
    int: 0.88,
    fp32: 0.01,
    pcieRx: 40e3,
    pcieTx: 30e3,
    memoryBytes: 0.8 * GIB,
  });
}

/** A simulation in single precision, of a process that no collector can see. */
export function hiddenCompute(random: Random): Workload {
  return () => ({
    ...NOTHING,
    sm: 0.78,
    occupancy: 0.4,
    dram: 0.35 + 0.05 * bell(random),
    int: 0.12,
    fp32: 0.45 + 0.05 * bell(random),
    pcieRx: 2e6,
    pcieTx: 2e6,
    memoryBytes: 6 * GIB,
  });
}
