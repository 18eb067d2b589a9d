import type { Evidence } from "../model/evidence.ts";
import type { Label } from "../model/label.ts";
import { ownerKey } from "../model/owner.ts";
import type { ShareBasis, Slice } from "../model/slice.ts";
import type { Window } from "../model/window.ts";

/** A labelled slice as the rules see it. Times are event time, never the wall clock. */
export interface SliceFact {
  node: string;
  gpuUuid: string;
  ownerKey: string;
  window: Window;
  /** The owner's part of the window; what is left to `unobserved` was measured by nobody. */
  timeMs: number;
  /** Absent where it was not measured. */
  energyMj?: number | undefined;
  /** How the share was found; absent where nobody needs to know. */
  basis?: ShareBasis | undefined;
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

export function sliceFactOf(slice: Slice): SliceFact {
  const { node, gpuUuid, fromMs, toMs, timeMs, energyMj, basis } = slice;
  const { label, confidence, evidence, simulated } = slice;
  const window = { fromMs, toMs };
  const key = ownerKey(slice.owner);
  const measured = { timeMs, energyMj, basis };
  return {
    node,
    gpuUuid,
    ownerKey: key,
    window,
    ...measured,
    label,
    confidence,
    evidence,
    simulated,
  };
}

/** Facts by device and window, oldest first: what the rules judge as one. */
export function byWindow(facts: readonly SliceFact[]): SliceFact[][] {
  const windows = new Map<string, SliceFact[]>();
  for (const fact of [...facts].sort((a, b) => a.window.fromMs - b.window.fromMs)) {
    const { node, gpuUuid, window } = fact;
    const key = JSON.stringify([node, gpuUuid, window.fromMs, window.toMs]);
    const known = windows.get(key);
    if (known) known.push(fact);
    else windows.set(key, [fact]);
  }
  return [...windows.values()];
}
