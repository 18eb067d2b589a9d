/**
 * Who a share of GPU time belongs to, the widest unit that somebody is billed for first. The last five kinds are lines of their own: the agent itself,
 * busy time no visible process explains, a device doing nothing, and time nobody measured.
 */
export const OWNER_KINDS = [
  "job",
  "pod",
  "container",
  "unit",
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
  /**
   * Empty for the kinds of which a node has only one. Of `idle` the key of the owner who held the
   * device meanwhile; empty where nobody did.
   */
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

/** Kinds of which a node has only one: they need no name. */
const NAMELESS: ReadonlySet<OwnerKind> = new Set(["agent", "unattributed", "idle", "unobserved"]);

/** Whether an owner is of a kind that has names and has none, or held a device and has none. */
export function lacksName({ kind, id }: Owner): boolean {
  if (id === "") return !NAMELESS.has(kind);
  const holder = kind === "idle" ? parseOwnerKey(id) : undefined;
  return holder !== undefined && lacksName(holder);
}

/** A device that did nothing while an owner held it: his processes were on it, or it was given to him. */
export function heldIdle(holderKey: string): Owner {
  return { kind: "idle", id: holderKey };
}

/** The key of whom idle time is charged to; undefined where nobody held the device, or it was not idle. */
export function holderOf(owner: Owner): string | undefined {
  return owner.kind === "idle" && owner.id !== "" ? owner.id : undefined;
}

/** What is known of an owner beside its name. Bounded, otherwise as the observed user wrote it. */
export const OWNER_FACTS = [
  "user",
  "loginUser",
  "session",
  "scheduler",
  "job",
  "step",
  "jobName",
  "account",
  "partition",
  "namespace",
  "pod",
  "podContainer",
  "containerId",
  "containerName",
  "image",
  "sandbox",
  "unit",
  "cluster",
  "rayJob",
  "task",
  "worker",
  "role",
  "launcher",
  "rank",
  "worldSize",
  "server",
  "agentSession",
  "team",
  "costCentre",
] as const;

export type OwnerFact = (typeof OWNER_FACTS)[number];
export type OwnerFacts = { [K in OwnerFact]?: string | undefined };

/** An owner, how it was found, and what else is known. */
export interface OwnerIdentity {
  owner: Owner;
  /** Name of the rule that decided. */
  rule: string;
  /** A sentence: what the rule saw. Escaped. */
  reason: string;
  /** What the kernel, the scheduler or an engine says: the process itself cannot choose it. */
  proven: OwnerFacts;
  /** What its environment, title or arguments say: anybody can write that. It never moves blame. */
  declared: OwnerFacts;
  /** Sentences on what contradicts the decision: two claims for one GPU, say. Escaped. */
  conflicts: readonly string[];
}
