import type { Evidence } from "../../model/evidence.ts";
import { type Window, windowLengthMs } from "../../model/window.ts";
import type { SliceFact } from "../facts.ts";

/**
 * What an owner did in one window, as a rule sees it. A `hint` is what the rule looks for, below the
 * confidence that counts: it speaks neither for an incident nor for its end.
 */
export interface OwnerPart {
  kind: "hit" | "hint" | "clear" | "unknown" | "unobserved";
  timeMs: number;
  confidence: number;
  evidence: readonly Evidence[];
  simulated: boolean;
}

interface WindowRecord extends Window {
  parts: Map<string, OwnerPart>;
}

/** Whether a slice is what a rule looks for. */
export type KindOf = (fact: SliceFact) => OwnerPart["kind"];

export interface HitWindow extends Window {
  part: OwnerPart;
}

/** Observed time since an owner's last hit, and how much of it nobody could name. */
export interface ClearTime {
  observedMs: number;
  unknownMs: number;
}

/** Windows kept of one device, whatever their length. */
const MAX_WINDOWS = 20_000;

/**
 * The newest windows of one device. All that a rule decides is a function of these and of
 * the incident's own record, so a restart that reads both back continues as if nothing happened.
 */
export class GpuHistory {
  readonly node: string;
  readonly gpuUuid: string;
  newestMs = Number.NEGATIVE_INFINITY;
  private readonly windows: WindowRecord[] = [];
  private readonly retentionMs: number;
  private readonly kindOf: KindOf;

  constructor(
    device: { node: string; gpuUuid: string },
    settings: { retentionMs: number; kindOf: KindOf },
  ) {
    this.node = device.node;
    this.gpuUuid = device.gpuUuid;
    this.retentionMs = settings.retentionMs;
    this.kindOf = settings.kindOf;
  }

  /** Takes a slice; the same slice again changes nothing. False if it is too old to matter. */
  add(fact: SliceFact): boolean {
    const { fromMs, toMs } = fact.window;
    if (toMs <= this.newestMs - this.retentionMs) return false;
    this.newestMs = Math.max(this.newestMs, toMs);
    this.recordOf(fromMs, toMs).parts.set(fact.ownerKey, this.partOf(fact));
    const oldestMs = this.newestMs - this.retentionMs;
    while (this.windows.length > MAX_WINDOWS || (this.windows[0]?.toMs ?? oldestMs + 1) <= oldestMs)
      this.windows.shift();
    return true;
  }

  /** The owner's hits that begin at `sinceMs` or later, oldest first. */
  hits(ownerKey: string, sinceMs: number): HitWindow[] {
    return this.windows.flatMap(({ fromMs, toMs, parts }) => {
      const part = parts.get(ownerKey);
      return part?.kind === "hit" && fromMs >= sinceMs ? [{ fromMs, toMs, part }] : [];
    });
  }

  /**
   * Time after the owner's last hit in which the device was observed and the owner gave no sign, not
   * even a hint. An owner who is gone is clear; silence is not.
   */
  clearTime(ownerKey: string): ClearTime {
    const clear: ClearTime = { observedMs: 0, unknownMs: 0 };
    for (const window of this.windows.toReversed()) {
      const own = window.parts.get(ownerKey);
      if (own?.kind === "hit") break;
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

  private partOf(fact: SliceFact): OwnerPart {
    const { timeMs, confidence, evidence, simulated } = fact;
    const kind = this.kindOf(fact);
    return { kind, timeMs, confidence, simulated, evidence: kind === "hit" ? evidence : [] };
  }
}

function observedMsOf(window: WindowRecord): number {
  let observedMs = 0;
  for (const part of window.parts.values())
    if (part.kind !== "unobserved") observedMs += part.timeMs;
  return Math.min(observedMs, windowLengthMs(window));
}
