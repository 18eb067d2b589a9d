/**
 * Who a share of GPU time belongs to. The last five kinds are lines of their own: the agent itself,
 * busy time no visible process explains, a device doing nothing, and time nobody measured.
 */
export const OWNER_KINDS = [
  "container",
  "user",
  "process",
  "agent",
  "unattributed",
  "idle",
  "unobserved",
] as const;

export type OwnerKind = (typeof OWNER_KINDS)[number];

export interface Owner {
  kind: OwnerKind;
  /** Empty for the kinds of which a node has only one. */
  id: string;
}

export const AGENT: Owner = { kind: "agent", id: "" };
export const UNATTRIBUTED: Owner = { kind: "unattributed", id: "" };
export const IDLE: Owner = { kind: "idle", id: "" };
export const UNOBSERVED: Owner = { kind: "unobserved", id: "" };

/** `container:3f2a…`, `user:alice`, `idle`: one string for one owner, and back by {@link parseOwnerKey}. */
export function ownerKey(owner: Owner): string {
  return owner.id === "" ? owner.kind : `${owner.kind}:${owner.id}`;
}

/** The owner of a key; undefined if the key names no known kind. */
export function parseOwnerKey(key: string): Owner | undefined {
  const colon = key.indexOf(":");
  const head = colon < 0 ? key : key.slice(0, colon);
  const kind = OWNER_KINDS.find((known) => known === head);
  return kind && { kind, id: colon < 0 ? "" : key.slice(colon + 1) };
}
