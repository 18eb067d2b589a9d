import { type Owner, ownerKey, UNATTRIBUTED } from "../model/owner.ts";
import type { ProcessSample, ProcessSighting } from "../model/sample.ts";
import type { ShareBasis } from "../model/slice.ts";
import type { OwnerOf } from "./ownership.ts";

/** An owner's claim on a busy interval. */
export interface OwnerClaim {
  owner: Owner;
  weight: number;
  basis: ShareBasis;
  pids: number[];
}

/**
 * Per-process use is sampled by the driver at other moments than the device's, so small differences
 * are noise: only use beyond this is called unexplained.
 */
export const UNEXPLAINED_ABOVE = 0.2;

/** Drivers report per-process use in whole per cent: less than this is no measurement at all. */
const MEASURABLE_USE = 0.001;

/**
 * Who has which claim on a busy interval of a device.
 * @param seen the process list that speaks for the interval; undefined where nothing looked
 * @param gpuUtil the device's own utilisation, 0..1, less what the agent's launches explain
 */
export function claimsOn(
  seen: ProcessSample | undefined,
  gpuUtil: number | undefined,
  ownerOf: OwnerOf,
): readonly OwnerClaim[] {
  if (!seen) return [unattributed(1, "no-process-source")];
  const { claims, used } = listedClaims(seen, ownerOf);
  const unexplained = used === undefined ? 0 : (gpuUtil ?? 0) - used;
  if (unexplained <= UNEXPLAINED_ABOVE) return claims;
  return [...claims, unattributed(unexplained, "nobody-seen")];
}

/** What one list says by itself; `used` is what its processes used together, where that is told. */
interface ListedClaims {
  ownerOf: OwnerOf;
  claims: readonly OwnerClaim[];
  used: number | undefined;
}

/** A list speaks for every interval around it, ten or more where devices are read faster than processes. */
const listed = new WeakMap<ProcessSample, ListedClaims>();

function listedClaims(seen: ProcessSample, ownerOf: OwnerOf): ListedClaims {
  const known = listed.get(seen);
  if (known?.ownerOf === ownerOf) return known;
  const { list } = seen;
  const used = list.reduce((sum, process) => sum + (process.smUtil ?? 0), 0);
  const isTold = used >= MEASURABLE_USE;
  const claims = isTold
    ? merge(list, ownerOf, "process-utilization", (p) => p.smUtil ?? 0)
    : withoutUse(list, ownerOf);
  const positive = claims.filter((claim) => claim.weight > 0);
  const made = { ownerOf, claims: positive, used: isTold ? used : undefined };
  listed.set(seen, made);
  return made;
}

function withoutUse(list: readonly ProcessSighting[], ownerOf: OwnerOf): OwnerClaim[] {
  if (list.length === 0) return [unattributed(1, "nobody-seen")];
  const equal = merge(list, ownerOf, "equal-split", () => 1);
  const [only] = equal;
  if (only && equal.length === 1) return [{ ...only, basis: "sole-process" }];
  if (list.every((process) => (process.memUsedBytes ?? 0) > 0))
    return merge(list, ownerOf, "memory-held", (p) => p.memUsedBytes ?? 0);
  return equal;
}

function merge(
  list: readonly ProcessSighting[],
  ownerOf: OwnerOf,
  basis: ShareBasis,
  weightOf: (process: ProcessSighting) => number,
): OwnerClaim[] {
  const byOwner = new Map<string, OwnerClaim>();
  for (const process of list) {
    const owner = ownerOf(process);
    const key = ownerKey(owner);
    const claim = byOwner.get(key) ?? { owner, weight: 0, basis, pids: [] };
    claim.weight += weightOf(process);
    claim.pids.push(process.pid);
    byOwner.set(key, claim);
  }
  return [...byOwner.values()];
}

function unattributed(weight: number, basis: ShareBasis): OwnerClaim {
  return { owner: UNATTRIBUTED, weight, basis, pids: [] };
}
