/** How a cost that is nobody's own is shared: not at all, equally, or by what each owner's time cost. */
export const SHARINGS = ["none", "even", "proportional"] as const;
export type Sharing = (typeof SHARINGS)[number];

/** Who bears a device that was idle while somebody held it; `shared` is as free idle time is. */
export const HELD_BEARERS = ["holder", "shared"] as const;

/** The costs that a policy may share among the owners. */
export const SHARED_COSTS = [
  "idleFree",
  "unobserved",
  "unattributed",
  "agent",
  "overhead",
] as const;
export type SharedCost = (typeof SHARED_COSTS)[number];

export interface AllocationPolicy extends Readonly<Record<SharedCost, Sharing>> {
  idleHeld: (typeof HELD_BEARERS)[number];
}

/** What holds where a price list states nothing: nobody bears what is not their own. */
export const NOTHING_SHARED: AllocationPolicy = {
  idleHeld: "holder",
  idleFree: "none",
  unobserved: "none",
  unattributed: "none",
  agent: "none",
  overhead: "none",
};
