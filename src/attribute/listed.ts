import { type Owner, ownerKey, UNATTRIBUTED } from "../model/owner.ts";
import type { ProcessSample, ProcessSighting } from "../model/sample.ts";
import type { ShareBasis } from "../model/slice.ts";
import { isMpsDaemon } from "./mps.ts";
import type { OwnerOf } from "./ownership.ts";

/** An owner's claim on a busy interval. */
export interface OwnerClaim {
  owner: Owner;
  weight: number;
  basis: ShareBasis;
  pids: number[];
}

/** Whose processes are whose, as far as a list does not say it itself. */
export interface Owners {
  ownerOf: OwnerOf;
  /** Processes that the driver keeps naming and the host does not have. */
  hiddenPids: ReadonlySet<number>;
}

/** What one list says by itself. */
export interface Listed {
  owners: Owners;
  /** Of those whose use is told; where nobody's is, of all. */
  claims: readonly OwnerClaim[];
  /** What its processes used together, where that is told. */
  used: number | undefined;
  /** Those whose use is not told beside others whose is: use that is left may be theirs. */
  unmeasured: readonly ProcessSighting[];
  hasMps: boolean;
}

/** Drivers report per-process use in whole per cent: less than this is no measurement at all. */
const MEASURABLE_USE = 0.001;

/** A list speaks for every interval around it, ten or more where devices are read faster than processes. */
const known = new WeakMap<ProcessSample, Listed>();

export function listedClaims(seen: ProcessSample, owners: Owners): Listed {
  const before = known.get(seen);
  if (before?.owners === owners) return before;
  const { claims, ...more } = claimsOf(seen.list, owners);
  const made = { ...more, owners, claims: claims.filter(({ weight }) => weight > 0) };
  known.set(seen, made);
  return made;
}

function claimsOf(list: readonly ProcessSighting[], owners: Owners): Omit<Listed, "owners"> {
  const clients = list.filter((process) => !isMpsDaemon(process));
  const hasMps = clients.length < list.length;
  const used = sum(list, useOf);
  if (used < MEASURABLE_USE) {
    const claims = hasMps && clients.length === 0 ? [nobody(1, "mps-server-only")] : undefined;
    return {
      claims: claims ?? withoutUse(clients, hasMps, owners),
      used: undefined,
      unmeasured: [],
      hasMps,
    };
  }
  const unmeasured = clients.filter(({ smUtil }) => smUtil === undefined);
  const told = clients.filter(({ smUtil }) => smUtil !== undefined);
  const basis = hasMps ? "mps-utilization" : "process-utilization";
  const claims = merge(told, owners, basis, useOf);
  // Older devices book all use on the daemon: it is that of the clients, of whom it says nothing.
  const daemonUse = used - sum(clients, useOf);
  if (daemonUse >= MEASURABLE_USE)
    claims.push(
      ...(unmeasured.length > 0
        ? weighed(unmeasured, owners, MPS_BASES, daemonUse)
        : [nobody(daemonUse, "mps-server-only")]),
    );
  return { claims, used, unmeasured, hasMps };
}

/** What is left of a device's use, among those of a list whose own use is not told. */
export function restClaims(
  unmeasured: readonly ProcessSighting[],
  rest: number,
  owners: Owners,
): OwnerClaim[] {
  const basis = "unmeasured-rest";
  return weighed(unmeasured, owners, { memory: basis, equal: basis }, rest);
}

interface GuessBases {
  memory: ShareBasis;
  equal: ShareBasis;
}

const PLAIN_BASES: GuessBases = { memory: "memory-held", equal: "equal-split" };
const MPS_BASES: GuessBases = { memory: "mps-memory-held", equal: "mps-equal-split" };

/**
 * Who holds a device by having processes on it, by memory held where each tells it: whether they use
 * it says nothing here.
 */
export function heldClaims({ list }: ProcessSample, owners: Owners): OwnerClaim[] {
  const there = list.filter((process) => !isMpsDaemon(process) && !process.exited);
  return weighed(there, owners, PLAIN_BASES);
}

function withoutUse(
  clients: readonly ProcessSighting[],
  hasMps: boolean,
  owners: Owners,
): OwnerClaim[] {
  const guessed = weighed(clients, owners, hasMps ? MPS_BASES : PLAIN_BASES);
  const [only] = guessed;
  if (!only || guessed.length > 1) return guessed;
  // With one owner there is nothing to guess.
  return [only.basis === "hidden-process" ? only : { ...only, basis: "sole-process" }];
}

/** Weights by memory held where each of them tells it, else even ones; together `total` where given. */
function weighed(
  list: readonly ProcessSighting[],
  owners: Owners,
  { memory, equal }: GuessBases,
  total?: number,
): OwnerClaim[] {
  const isTold = list.every(({ memUsedBytes }) => (memUsedBytes ?? 0) > 0);
  const weightOf = isTold ? (p: ProcessSighting): number => p.memUsedBytes ?? 0 : () => 1;
  const scale = total === undefined ? 1 : total / sum(list, weightOf);
  return merge(list, owners, isTold ? memory : equal, (p) => scale * weightOf(p));
}

/** The one place in which a process gets its owner here. */
function merge(
  list: readonly ProcessSighting[],
  { ownerOf, hiddenPids }: Owners,
  basis: ShareBasis,
  weightOf: (process: ProcessSighting) => number,
): OwnerClaim[] {
  const byOwner = new Map<string, OwnerClaim>();
  for (const process of list) {
    const isHidden = hiddenPids.has(process.pid) && process.unlisted === true;
    const owner = isHidden ? UNATTRIBUTED : ownerOf(process);
    const key = ownerKey(owner);
    const claim = byOwner.get(key) ?? {
      owner,
      weight: 0,
      basis: isHidden ? "hidden-process" : basis,
      pids: [],
    };
    claim.weight += weightOf(process);
    claim.pids.push(process.pid);
    byOwner.set(key, claim);
  }
  return [...byOwner.values()];
}

export function nobody(weight: number, basis: ShareBasis): OwnerClaim {
  return { owner: UNATTRIBUTED, weight, basis, pids: [] };
}

/** What all processes of a list used together, as far as it is told. */
export function visibleUse({ list }: ProcessSample): number {
  return sum(list, useOf);
}

/** A driver that says more than all of a device, or less than nothing, says the limit. */
function useOf({ smUtil }: ProcessSighting): number {
  return Math.min(1, Math.max(0, smUtil ?? 0));
}

function sum(
  list: readonly ProcessSighting[],
  amount: (process: ProcessSighting) => number,
): number {
  return list.reduce((total, process) => total + amount(process), 0);
}
