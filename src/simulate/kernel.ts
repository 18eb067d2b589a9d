import type { Resource } from "./resources.ts";

/** One kind of kernel: what a unit of its work takes, and how much of a device it can use. */
export interface Kernel {
  name: string;
  /** Operations or bytes for one unit. */
  work: Readonly<Partial<Record<Resource, number>>>;
  /** Share of the multiprocessors that it fills, 0..1: a small grid leaves some without a block. */
  smShare: number;
  /** Resident warps on those, of the most there could be. */
  occupancy: number;
  /** What it reaches of the resource that binds it, of the data sheet's peak. */
  efficiency: number;
  launch: Launch;
}

export interface Launch {
  /** Of one launch: what its number is counted by. */
  seconds: number;
  grid: readonly [number, number, number];
  block: readonly [number, number, number];
}

/** Kernels one after the other, or a moment in which the host launches nothing. */
export type Part = { kernel: Kernel; units: number } | { gapSeconds: number };

/** One unit of work: its parts run in turn, too short for any sensor to tell them apart. */
export interface Work {
  parts: readonly Part[];
}

export function only(kernel: Kernel): Work {
  return { parts: [{ kernel, units: 1 }] };
}
