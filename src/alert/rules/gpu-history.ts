import type { Evidence } from "../../model/evidence.ts";
import { type Window, windowLengthMs } from "../../model/window.ts";
import type { MiningFact } from "../facts.ts";

/** What an owner did in one window. A `hint` is mining-like below the confidence that counts. */
export interface OwnerPart {
  kind: "mining" | "hint" | "clear" | "unknown" | "unobserved";
  timeMs: number;
  confidence: number;
  evidence: readonly Evidence[];
  simulated: boolean;
}

interface WindowRecord extends Window {
  parts: Map<string, OwnerPart>;
}

export interface MiningWindow extends Window {
  part: OwnerPart;
}

/** Observed time since an owner was last mining-like, and how much of it nobody could name. */
export interface ClearTime {
  observedMs: number;
  unknownMs: number;
}

/** Windows kept of one device, whatever their length. */
const MAX_WINDOWS = 20_000;

/**
 * The newest windows of one device. All that the mining rule decides is a function of these and of
 * the incident's own record, so a restart that reads both back continues as if nothing happened.
 */
export class GpuHistory {
  readonly node: string;
  readonly gpuUuid: string;
  newestMs = Number.NEGATIVE_INFINITY;
  private readonly windows: WindowRecord[] = [];
  private readonly retentionMs: number;
  private readonly minConfidence: number;

  constructor(
    device: { node: string; gpuUuid: string },
    settings: { retentionMs: number; minConfidence: number },
  ) {
    this.node = device.node;
    this.gpuUuid = device.gpuUuid;
    this.retentionMs = settings.retentionMs;
    this.minConfidence = settings.minConfidence;
  }

  /** Takes a slice; the same slice again changes nothing. False if it is too old to matter. */
  add(fact: MiningFact): boolean {
    const { fromMs, toMs } = fact.window;
    if (toMs <= this.newestMs - this.retentionMs) return false;
    this.newestMs = Math.max(this.newestMs, toMs);
    this.recordOf(fromMs, toMs).parts.set(fact.ownerKey, this.partOf(fact));
    const oldestMs = this.newestMs - this.retentionMs;
    while (this.windows.length > MAX_WINDOWS || (this.windows[0]?.toMs ?? oldestMs + 1) <= oldestMs)
      this.windows.shift();
    return true;
  }

  /** The owner's mining-like windows that begin at `sinceMs` or later, oldest first. */
  miningWindows(ownerKey: string, sinceMs: number): MiningWindow[] {
    return this.windows.flatMap(({ fromMs, toMs, parts }) => {
      const part = parts.get(ownerKey);
      return part?.kind === "mining" && fromMs >= sinceMs ? [{ fromMs, toMs, part }] : [];
    });
  }

  /**
   * Time after the owner's last mining-like window in which the device was observed and the owner
   * did not look like a miner, not even faintly. An owner who is gone is clear; silence is not.
   */
  clearTime(ownerKey: string): ClearTime {
    const clear: ClearTime = { observedMs: 0, unknownMs: 0 };
    for (const window of this.windows.toReversed()) {
      const own = window.parts.get(ownerKey);
      if (own?.kind === "mining") break;
      if (own?.kind === "hint") continue;
      const observedMs = observedMsOf(window);
      clear.observedMs += observedMs;
      if (own?.kind === "unknown") clear.unknownMs += observedMs;
    }
    return clear;
  }

  /** End of the newest window in which anything was measured. */
  lastObservedMs(): number | undefined {
    return this.windows.findLast((window) => observedMsOf(window) > 0)?.toMs;
  }

  owners(): Set<string> {
    return new Set(this.windows.flatMap((window) => [...window.parts.keys()]));
  }

  private recordOf(fromMs: number, toMs: number): WindowRecord {
    const after = this.windows.findLastIndex((window) => window.fromMs <= fromMs);
    const found = this.windows[after];
    if (found?.fromMs === fromMs && found.toMs === toMs) return found;
    const record = { fromMs, toMs, parts: new Map<string, OwnerPart>() };
    this.windows.splice(after + 1, 0, record);
    return record;
  }

  private partOf(fact: MiningFact): OwnerPart {
    const { timeMs, confidence, evidence, simulated } = fact;
    const kind = kindOf(fact, this.minConfidence);
    return { kind, timeMs, confidence, simulated, evidence: kind === "mining" ? evidence : [] };
  }
}

function kindOf(fact: MiningFact, minConfidence: number): OwnerPart["kind"] {
  if (fact.ownerKey === "unobserved") return "unobserved";
  if (fact.label === "mining-like") return fact.confidence >= minConfidence ? "mining" : "hint";
  return fact.label === "unknown" ? "unknown" : "clear";
}

function observedMsOf(window: WindowRecord): number {
  let observedMs = 0;
  for (const part of window.parts.values())
    if (part.kind !== "unobserved") observedMs += part.timeMs;
  return Math.min(observedMs, windowLengthMs(window));
}
