import type { Evidence } from "../model/evidence.ts";
import type { Label } from "../model/label.ts";
import { ownerKey } from "../model/owner.ts";
import type { Slice } from "../model/slice.ts";
import type { Window } from "../model/window.ts";

/** A labelled slice as the mining rule sees it. Times are event time, never the wall clock. */
export interface MiningFact {
  node: string;
  gpuUuid: string;
  ownerKey: string;
  window: Window;
  /** The owner's part of the window; what is left to `unobserved` was measured by nobody. */
  timeMs: number;
  label: Label;
  confidence: number;
  evidence: readonly Evidence[];
  simulated: boolean;
}

/** What an owner has spent in the running period of one budget. */
export interface BudgetFact {
  node: string;
  ownerKey: string;
  /** Which of the owner's budgets: `day`, `month`. */
  period: string;
  currency: string;
  periodStartMs: number;
  spentNanos: bigint;
  limitNanos: bigint;
  atMs: number;
  simulated: boolean;
}

export function miningFactOf(slice: Slice): MiningFact {
  const { node, gpuUuid, fromMs, toMs, timeMs, label, confidence, evidence, simulated } = slice;
  const window = { fromMs, toMs };
  const key = ownerKey(slice.owner);
  return {
    node,
    gpuUuid,
    ownerKey: key,
    window,
    timeMs,
    label,
    confidence,
    evidence,
    simulated,
  };
}
