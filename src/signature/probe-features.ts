import type { ProbeObservation, ProbeResource } from "../model/observation.ts";
import type { Signature } from "../model/signature.ts";
import { toldWithin, type Window } from "../model/window.ts";
import { mean, median, spread } from "./statistics.ts";

/** How far back probes are looked at for what takes several of them. */
export const PROBE_CONTEXT_MS = 60_000;

/** Fewer waits have no spread worth the name. */
const MIN_FOR_SPREAD = 4;

type ProbeFeatures = Pick<
  Signature["features"],
  | "probeQueueSeconds"
  | "probeQueueSpread"
  | "probeGapShare"
  | "probeSlowdownAlu"
  | "probeSlowdownMemory"
  | "probeSlowdownGather"
  | "probeColdCost"
  | "probeClockLevel"
>;

/**
 * What the agent's own launches in a window tell of whoever else was on the device. Only the spread
 * of the waits looks back a minute: one round of probes has too few for it.
 * @param probes of this device, in any order
 */
export function probeFeatures(probes: readonly ProbeObservation[], window: Window): ProbeFeatures {
  const inside = toldWithin(probes, window);
  const { toMs } = window;
  const recent = toldWithin(probes, { fromMs: toMs - PROBE_CONTEXT_MS, toMs });
  const waits = recent.flatMap(({ queueSeconds }) => queueSeconds ?? []);
  return {
    probeQueueSeconds: median(inside.flatMap(({ queueSeconds }) => queueSeconds ?? [])),
    probeQueueSpread:
      inside.length === 0 || waits.length < MIN_FOR_SPREAD ? undefined : spread(waits),
    probeGapShare: mean(inside.flatMap((probe) => gapShare(probe) ?? [])),
    probeSlowdownAlu: slowdown(inside, "alu"),
    probeSlowdownMemory: slowdown(inside, "memory"),
    probeSlowdownGather: slowdown(inside, "gather"),
    probeColdCost: median(
      inside.flatMap(({ firstPassRatio: r }) => (r === undefined ? [] : r - 1)),
    ),
    probeClockLevel: clockLevel(inside),
  };
}

/** Of the time from the first pass's begin to the last one's end. */
function gapShare({ gapSeconds, durationSeconds }: ProbeObservation): number | undefined {
  if (gapSeconds === undefined) return undefined;
  const whole = gapSeconds + durationSeconds;
  return whole > 0 ? gapSeconds / whole : undefined;
}

function slowdown(
  probes: readonly ProbeObservation[],
  resource: ProbeResource,
): number | undefined {
  return median(
    probes.flatMap((probe) => {
      const { baselineSeconds: baseline, durationSeconds } = probe;
      return probe.resource === resource && baseline ? durationSeconds / baseline : [];
    }),
  );
}

/** The fastest pass of each run: the one that others disturbed least, so that the clock is left. */
function clockLevel(probes: readonly ProbeObservation[]): number | undefined {
  return median(
    probes.flatMap(({ resource, fastestPassSeconds: fastest, baselinePassSeconds: baseline }) =>
      resource === "alu" && fastest && baseline ? baseline / fastest : [],
    ),
  );
}
