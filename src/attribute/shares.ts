import { bisector } from "d3-array";
import { AGENT, IDLE, type Owner, ownerKey, UNOBSERVED } from "../model/owner.ts";
import type { ProcessSample } from "../model/sample.ts";
import type { Share, ShareBasis } from "../model/slice.ts";
import { splitInteger } from "../model/split.ts";
import { type Window, windowLengthMs } from "../model/window.ts";
import { claimsOn, type OwnerClaim, UNEXPLAINED_ABOVE } from "./claims.ts";
import { clip, type Interval } from "./intervals.ts";
import type { OwnerOf } from "./ownership.ts";
import { NO_OWN_TIME, ownMsIn, type OwnTime, ownUse } from "./own-time.ts";

export interface AttributionInput {
  window: Window;
  /** Non-overlapping, in time order; parts outside the window are clipped away. */
  intervals: readonly Interval[];
  /** In time order. */
  processes: readonly ProcessSample[];
  ownerOf: OwnerOf;
  /** What the agent's probes took: theirs to the millisecond, before anything is split. */
  own?: OwnTime | undefined;
}

/**
 * Process lists are read less often than devices, and who holds a device changes slowly: a list
 * further away than this from an interval's end does not speak for it.
 */
export const PROCESS_LIST_SPEAKS_MS = 15_000;

interface Running {
  owner: Owner;
  basis: ShareBasis;
  timeMs: number;
  energyMj: number | undefined;
  pids: Set<number>;
}

/**
 * Splits one device's window among owners, `agent`, `unattributed`, `idle` and `unobserved`.
 * The parts sum to the window to the millisecond, their energy to the measured energy to the
 * millijoule. Where an owner's energy was measured for a part only, that part is a share of its own:
 * a sum of measured and unmeasured would be neither.
 */
export function attribute(input: AttributionInput): Share[] {
  const shares = new Map<string, Running>();
  let observedMs = 0;
  for (const whole of input.intervals) {
    const interval = clip(whole, input.window);
    if (!interval) continue;
    const durationMs = windowLengthMs(interval);
    shareOut(shares, interval, whole, input);
    observedMs += durationMs;
  }
  const missingMs = windowLengthMs(input.window) - observedMs;
  const claim: OwnerClaim = { owner: UNOBSERVED, weight: 1, basis: "no-sample", pids: [] };
  if (missingMs > 0) add(shares, claim, missingMs, undefined);
  return [...shares.values()]
    .filter((share) => share.timeMs > 0 || (share.energyMj ?? 0) > 0)
    .map(({ pids, ...share }) => ({ ...share, pids: [...pids].sort((a, b) => a - b) }));
}

const OWN_CLAIM: OwnerClaim = { owner: AGENT, weight: 1, basis: "own-measurement", pids: [] };

/** One interval: the agent's measured time first, and what is left among those who claim it. */
function shareOut(
  shares: Map<string, Running>,
  interval: Interval,
  whole: Interval,
  input: AttributionInput,
): void {
  const durationMs = windowLengthMs(interval);
  const { energyMj } = interval;
  const ownMs = ownMsIn(input.own ?? NO_OWN_TIME, interval);
  const restMs = durationMs - ownMs;
  let restMj = energyMj;
  if (ownMs > 0) {
    const parts = [
      { key: "own", weight: ownMs },
      { key: "rest", weight: restMs },
    ];
    const [ownMj, left] = energyMj === undefined ? [] : splitInteger(energyMj, parts);
    restMj = left;
    add(shares, OWN_CLAIM, ownMs, ownMj);
  }
  if (restMs === 0) return;
  const claims = claimsFor(interval, whole, input);
  const [only] = claims;
  if (only && claims.length === 1) {
    add(shares, only, restMs, restMj);
    return;
  }
  const keyed = claims.map((claim) => ({ key: ownerKey(claim.owner), weight: claim.weight }));
  const times = splitInteger(restMs, keyed);
  const energies = restMj === undefined ? undefined : splitInteger(restMj, keyed);
  claims.forEach((claim, i) => add(shares, claim, times[i] ?? 0, energies?.[i]));
}

const IDLE_CLAIM: OwnerClaim = { owner: IDLE, weight: 1, basis: "device", pids: [] };

function claimsFor(
  interval: Interval,
  whole: Interval,
  input: AttributionInput,
): readonly OwnerClaim[] {
  if (interval.activity === "idle") return [IDLE_CLAIM];
  const { own = NO_OWN_TIME, ownerOf } = input;
  const seen = withoutOwn(nearest(input.processes, whole.toMs), own);
  // Nothing measured activity: a process that is there may be working, but nobody there says nothing.
  if (interval.activity === "unknown" && !seen?.list.length)
    return [{ owner: UNOBSERVED, weight: 1, basis: "no-sample", pids: [] }];
  const { gpuUtil, smActive } = interval.sample;
  const ownPart = ownUse(own, whole.toMs);
  const use = gpuUtil ?? smActive ?? 0;
  // What a device reports after our own launch must not look like somebody who hides.
  const isOwn = ownPart > 0 && use - ownPart <= UNEXPLAINED_ABOVE;
  if (seen?.list.length === 0 && isOwn) return [IDLE_CLAIM];
  return claimsOn(seen, gpuUtil === undefined ? undefined : gpuUtil - ownPart, ownerOf);
}

/** Our own device processes hold memory and a context, which is no use of the device. */
function withoutOwn(seen: ProcessSample | undefined, own: OwnTime): ProcessSample | undefined {
  if (!seen || own.pids.size === 0) return seen;
  return { ...seen, list: seen.list.filter(({ pid }) => !own.pids.has(pid)) };
}

const byTime = bisector<ProcessSample, number>((sample) => sample.atMs);

/** The list nearest to a moment; of two that are as near the later one. They are in time order. */
function nearest(samples: readonly ProcessSample[], atMs: number): ProcessSample | undefined {
  const at = byTime.left(samples, atMs);
  const [before, after] = [samples[at - 1], samples[at]];
  const near = (sample: ProcessSample | undefined): number =>
    Math.abs((sample?.atMs ?? Infinity) - atMs);
  const best = near(after) <= near(before) ? after : before;
  return near(best) <= PROCESS_LIST_SPEAKS_MS ? best : undefined;
}

function add(
  shares: Map<string, Running>,
  claim: OwnerClaim,
  timeMs: number,
  energyMj: number | undefined,
): void {
  const key = `${ownerKey(claim.owner)} ${energyMj === undefined ? "unmeasured" : "measured"}`;
  const share = shares.get(key);
  if (!share) {
    const { owner, basis, pids } = claim;
    shares.set(key, { owner, basis, timeMs, energyMj, pids: new Set(pids) });
    return;
  }
  share.timeMs += timeMs;
  if (share.energyMj !== undefined) share.energyMj += energyMj ?? 0;
  for (const pid of claim.pids) share.pids.add(pid);
}
