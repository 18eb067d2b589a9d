import { AGENT, type Owner, ownerKey, UNOBSERVED } from "../model/owner.ts";
import type { ProcessSample } from "../model/sample.ts";
import type { Share, ShareBasis, UnexplainedUse } from "../model/slice.ts";
import { splitInteger } from "../model/split.ts";
import { type Window, windowLengthMs } from "../model/window.ts";
import { claimsOn, isUnexplained } from "./claims.ts";
import { idleParts } from "./energy-parts.ts";
import { idleClaims } from "./holders.ts";
import { clip, type Interval } from "./intervals.ts";
import type { OwnerClaim, Owners } from "./listed.ts";
import { Lists } from "./lists.ts";
import type { OwnerOf } from "./ownership.ts";
import { NO_OWN_TIME, ownMsIn, type OwnTime, ownUse } from "./own-time.ts";
import { Suspicion } from "./suspicion.ts";

export interface AttributionInput {
  window: Window;
  /** Non-overlapping, in time order; parts outside the window are clipped away. */
  intervals: readonly Interval[];
  /** In time order. */
  processes: readonly ProcessSample[];
  ownerOf: OwnerOf;
  /** What the agent's probes took: theirs to the millisecond, before anything is split. */
  own?: OwnTime | undefined;
  /** Whom the device is given to by a scheduler or a kubelet, whether or not he has a process on it. */
  given?: readonly Owner[] | undefined;
}

/**
 * Splits one device's window among owners, `agent`, `unattributed`, `idle` and `unobserved`.
 * The parts sum to the window to the millisecond, their energy to the measured energy to the
 * millijoule. Where an owner's energy was measured for a part only, that part is a share of its own:
 * a sum of measured and unmeasured would be neither. So are nobody's shares of different bases: some
 * are suspicious, and others are not.
 */
export function attribute(input: AttributionInput): Share[] {
  return new Attribution(input).shares();
}

interface Running {
  owner: Owner;
  /** Milliseconds of each. */
  bases: Map<ShareBasis, number>;
  timeMs: number;
  energyMj: number | undefined;
  /** Undefined from the first part on of which it is not known. */
  idleEnergyMj: number | undefined;
  pids: Set<number>;
}

/** A claim with what it comes to in one interval. */
interface Part {
  claim: OwnerClaim;
  timeMs: number;
  energyMj: number | undefined;
}

const OWN_CLAIM: OwnerClaim = { owner: AGENT, weight: 1, basis: "own-measurement", pids: [] };
const UNOBSERVED_CLAIM: OwnerClaim = {
  owner: UNOBSERVED,
  weight: 1,
  basis: "no-sample",
  pids: [],
};

/** One window of one device. */
class Attribution {
  private readonly input: AttributionInput;
  private readonly own: OwnTime;
  private readonly lists: Lists;
  private readonly owners: Owners;
  private readonly suspicion: Suspicion;
  private readonly running = new Map<string, Running>();

  constructor(input: AttributionInput) {
    this.input = input;
    this.own = input.own ?? NO_OWN_TIME;
    this.lists = new Lists(input.processes, this.own.pids);
    this.owners = { ownerOf: input.ownerOf, hiddenPids: this.lists.hiddenPids };
    const useOf = (interval: Interval): number | undefined => this.useOf(interval);
    const { window, intervals, processes: lists } = input;
    this.suspicion = new Suspicion({ window, intervals, lists }, useOf, this.owners);
  }

  shares(): Share[] {
    const { intervals, window } = this.input;
    let observedMs = 0;
    for (const whole of intervals) {
      const interval = clip(whole, window);
      if (!interval) continue;
      this.shareOut(interval, whole);
      observedMs += windowLengthMs(interval);
    }
    const timeMs = windowLengthMs(window) - observedMs;
    if (timeMs > 0) this.add({ claim: UNOBSERVED_CLAIM, timeMs, energyMj: undefined }, undefined);
    const suspicious = this.suspicion.found();
    return [...this.running.values()]
      .filter((share) => share.timeMs > 0 || (share.energyMj ?? 0) > 0)
      .map((share) => shareOf(share, suspicious));
  }

  /** One interval: the agent's measured time first, and what is left among those who claim it. */
  private shareOut(interval: Interval, whole: Interval): void {
    const parts = this.parts(interval, whole);
    const idle = idleParts(
      parts.map(({ claim: { owner }, energyMj }) => ({
        key: ownerKey(owner),
        energyMj,
        isIdle: owner.kind === "idle",
      })),
      interval.idleEnergyMj,
    );
    parts.forEach((part, i) => this.add(part, idle[i]));
  }

  private parts(interval: Interval, whole: Interval): Part[] {
    const durationMs = windowLengthMs(interval);
    const { energyMj } = interval;
    const ownMs = ownMsIn(this.own, interval);
    const restMs = durationMs - ownMs;
    if (ownMs === 0) return this.claimed(restMs, energyMj, whole);
    const weights = [
      { key: "own", weight: ownMs },
      { key: "rest", weight: restMs },
    ];
    const [ownMj, restMj] = energyMj === undefined ? [] : splitInteger(energyMj, weights);
    const own = { claim: OWN_CLAIM, timeMs: ownMs, energyMj: ownMj };
    return restMs === 0 ? [own] : [own, ...this.claimed(restMs, restMj, whole)];
  }

  private claimed(timeMs: number, energyMj: number | undefined, whole: Interval): Part[] {
    const claims = this.claimsFor(whole, timeMs);
    const [only] = claims;
    if (only && claims.length === 1) return [{ claim: only, timeMs, energyMj }];
    const keyed = claims.map(({ owner, weight }) => ({ key: ownerKey(owner), weight }));
    const times = splitInteger(timeMs, keyed);
    const energies = energyMj === undefined ? undefined : splitInteger(energyMj, keyed);
    return claims.map((claim, i) => ({ claim, timeMs: times[i] ?? 0, energyMj: energies?.[i] }));
  }

  private claimsFor(whole: Interval, timeMs: number): readonly OwnerClaim[] {
    const seen = this.lists.speakingFor(whole);
    if (whole.activity === "idle") return this.idleClaims(seen);
    // Nothing measured activity: a process that is there may be working, but nobody there says nothing.
    if (whole.activity === "unknown" && !seen?.list.length) return [UNOBSERVED_CLAIM];
    const { gpuUtil, smActive } = whole.sample;
    const ownPart = ownUse(this.own, whole.toMs);
    const use = gpuUtil ?? smActive ?? 0;
    // What a device reports after our own launch must not look like somebody who hides.
    const isOwn = ownPart > 0 && !isUnexplained(use - ownPart);
    if (seen?.list.length === 0 && isOwn) return this.idleClaims(seen);
    const claims = claimsOn(seen, this.useOf(whole), this.owners);
    if (seen) this.suspicion.look(seen, whole, timeMs, claims);
    return claims;
  }

  private idleClaims(seen: ProcessSample | undefined): readonly OwnerClaim[] {
    return idleClaims(seen, this.input.given ?? [], this.owners);
  }

  /** The device's own use in an interval, less what the agent's launches explain. */
  private useOf({ sample, toMs }: Interval): number | undefined {
    return sample.gpuUtil === undefined ? undefined : sample.gpuUtil - ownUse(this.own, toMs);
  }

  private add({ claim, timeMs, energyMj }: Part, idleEnergyMj: number | undefined): void {
    const { owner, basis } = claim;
    const isNobody = owner.kind === "unattributed";
    const measured = energyMj === undefined ? "unmeasured" : "measured";
    const key = `${ownerKey(owner)} ${measured} ${isNobody ? basis : ""}`;
    const share = this.running.get(key);
    if (!share) {
      const bases = new Map([[basis, timeMs]]);
      const pids = new Set(claim.pids);
      this.running.set(key, { owner, bases, timeMs, energyMj, idleEnergyMj, pids });
      return;
    }
    share.timeMs += timeMs;
    share.bases.set(basis, (share.bases.get(basis) ?? 0) + timeMs);
    if (share.energyMj !== undefined) share.energyMj += energyMj ?? 0;
    if (share.idleEnergyMj !== undefined)
      share.idleEnergyMj =
        idleEnergyMj === undefined ? undefined : share.idleEnergyMj + idleEnergyMj;
    for (const pid of claim.pids) share.pids.add(pid);
  }
}

function shareOf(
  { owner, bases, timeMs, energyMj, idleEnergyMj, pids }: Running,
  suspicious: ReadonlyMap<ShareBasis, UnexplainedUse>,
): Share {
  const basis = mostOf(bases);
  const unexplained = owner.kind === "unattributed" ? suspicious.get(basis) : undefined;
  return {
    owner,
    timeMs,
    energyMj,
    ...(idleEnergyMj !== undefined && { idleEnergyMj }),
    basis,
    pids: [...pids].sort((a, b) => a - b),
    ...(unexplained && { unexplained }),
  };
}

/** What most of a share rests on; of equals the first. */
function mostOf(bases: ReadonlyMap<ShareBasis, number>): ShareBasis {
  const [first = "no-sample" as const] = bases.keys();
  let most: ShareBasis = first;
  for (const [basis, timeMs] of bases) if (timeMs > (bases.get(most) ?? 0)) most = basis;
  return most;
}
