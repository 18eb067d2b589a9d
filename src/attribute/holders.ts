import { heldIdle, IDLE, type Owner, ownerKey } from "../model/owner.ts";
import type { ProcessSample } from "../model/sample.ts";
import { heldClaims, type OwnerClaim, type Owners } from "./listed.ts";

const NOBODY: readonly OwnerClaim[] = [{ owner: IDLE, weight: 1, basis: "device", pids: [] }];

/** Owners who hold nothing: the agent's contexts are its own affair, and of a hidden process nobody is known. */
const HOLDS_NOTHING: ReadonlySet<string> = new Set(["agent", "unattributed"]);

/**
 * Whose an idle device is: of those who have processes on it, by memory held; and of those whom it was
 * given to, each as much as another. Nobody else could use it meanwhile, or not all of it.
 * @param seen the process list that speaks for the time; undefined where nothing looked
 * @param given by a scheduler or a kubelet
 */
export function idleClaims(
  seen: ProcessSample | undefined,
  given: readonly Owner[],
  owners: Owners,
): readonly OwnerClaim[] {
  const there = seen ? heldClaims(seen, owners) : [];
  const holders = there.filter(({ owner }) => !HOLDS_NOTHING.has(owner.kind));
  const known = new Set(holders.map(({ owner }) => ownerKey(owner)));
  const more = given.filter((owner) => !known.has(ownerKey(owner)));
  if (holders.length + more.length === 0) return NOBODY;
  const [only] = holders;
  if (only && holders.length === 1 && more.length === 0)
    return [held({ ...only, basis: "device" })];
  if (more.length === 0) return holders.map(held);
  // Memory is no measure of who was given a device and does nothing with it.
  const equal = {
    weight: 1,
    basis: more.length + holders.length > 1 ? "equal-split" : "device",
  } as const;
  return [
    ...holders.map((claim) => held({ ...claim, ...equal })),
    ...more.map((owner) => held({ owner, pids: [], ...equal })),
  ];
}

function held(claim: OwnerClaim): OwnerClaim {
  return { ...claim, owner: heldIdle(ownerKey(claim.owner)) };
}
