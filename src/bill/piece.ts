import type { Window } from "../model/window.ts";

/**
 * Usage inside one interval in which no price changes: what a report is made of.
 * `recorded` is false for time that no slice speaks of.
 */
export interface UsagePiece extends Window {
  gpuUuid: string;
  ownerKey: string;
  label: string;
  timeMs: number;
  energyMj: number;
  /** The part of `timeMs` whose energy was not measured: missing from `energyMj`, not zero. */
  energyUnmeasuredMs: number;
  /** Of `energyMj`: what the device draws anyway, and what work added. */
  idleEnergyMj: number;
  dynamicEnergyMj: number;
  /** The part of `timeMs` whose energy was measured and could not be split into the two. */
  energyUnsplitMs: number;
  /** Confidence of the labels times time. */
  confidenceMs: number;
  simulated: boolean;
  recorded: boolean;
}
