import type { Label } from "../../model/label.ts";
import { type Conditions, operatingOf } from "../operating.ts";
import type { Work } from "../kernel.ts";
import type { Program, Surroundings } from "../program.ts";

export const GIB = 2 ** 30;

/** What a kind of workload comes to on the devices it was given. */
export interface Plan {
  label: Label;
  /** Of the workload: runs of one variant are left out together by an evaluation. */
  variant: string;
  memoryBytes: number;
  /** For one run: what its ranks share begins anew. @returns what makes the program of a rank */
  start: () => (rank: number, surroundings: Surroundings) => Program;
}

/** What a plan is made for. */
export interface Stage {
  /** Of each rank, in order. */
  devices: readonly Conditions[];
  /** Shared by the ranks: what they do alike. */
  seed: number;
  /** A figure of the spec that cannot be. @throws always */
  refuse: (field: string, message: string, hint: string) => never;
}

/** Seconds that a unit of work takes on a device that it has to itself. */
function secondsOf(work: Work, conditions: Conditions): number {
  return 1 / operatingOf(work, conditions).unitsPerSecond;
}

/** The slowest rank sets the pace of all. */
export function slowest(work: Work, devices: readonly Conditions[]): number {
  return Math.max(...devices.map((device) => secondsOf(work, device)));
}
