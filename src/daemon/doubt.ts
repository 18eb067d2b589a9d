import { isBusy } from "../classify/window-verdict.ts";
import type { RateController } from "../collect/rate.ts";
import type { Incident } from "../model/incident.ts";
import type { WindowResult } from "../pipeline/events.ts";

/**
 * Why a device should be looked at more closely: somebody works on it, and the label is unknown or
 * too unsure for an alert. Undefined for all else, also for windows that were mostly unobserved.
 */
export function doubtAbout(result: WindowResult, minConfidence: number): string | undefined {
  const { gpu, label, confidence, slices, window } = result;
  if (label === "idle" || !slices.some((slice) => isBusy(slice))) return undefined;
  const unobserved = slices.filter(({ owner }) => owner.kind === "unobserved");
  const unobservedMs = unobserved.reduce((sum, { timeMs }) => sum + timeMs, 0);
  if (2 * unobservedMs > window.toMs - window.fromMs) return undefined;
  if (label !== "unknown" && confidence >= minConfidence) return undefined;
  return `label of gpu${gpu.index} is unsure`;
}

export interface DoubtParts {
  rate?: Pick<RateController, "ask"> | undefined;
  /** Who looks at a device with launches of its own. */
  probes?: { doubt(gpuUuid: string, isIncident: boolean): void } | undefined;
  /** Who looks closer at what the processes do, such as at their kernel launches. */
  doubted?: (() => void) | undefined;
  /** Below it a label does not speak for an alert. */
  minConfidence: number;
  openIncidents: () => readonly Incident[];
  /** Unix milliseconds. */
  nowMs: () => number;
}

/** Asks for fast sampling, and for probes, where a verdict is in doubt, or an alert is about to be decided. */
export class Doubt {
  private readonly parts: DoubtParts;

  constructor(parts: DoubtParts) {
    this.parts = parts;
  }

  /** A window has closed: also the moment to ask again for incidents that are still pending. */
  provisional(result: WindowResult): void {
    const { rate, probes, doubted, minConfidence, nowMs, openIncidents } = this.parts;
    if (!rate && !probes && !doubted) return;
    const doubt = doubtAbout(result, minConfidence);
    if (doubt !== undefined) {
      doubted?.();
      rate?.ask(doubt, nowMs());
      probes?.doubt(result.gpu.uuid, false);
    }
    for (const incident of openIncidents())
      if (incident.gpuUuid === result.gpu.uuid) this.incident(incident);
  }

  /** Of incidents that no device is part of, such as budgets, sampling tells nothing. */
  incident({ state, gpuUuid }: Incident): void {
    if (state !== "pending" || gpuUuid === undefined) return;
    this.parts.probes?.doubt(gpuUuid, true);
    this.parts.doubted?.();
    this.parts.rate?.ask("an incident is pending", this.parts.nowMs(), { urgent: true });
  }
}
