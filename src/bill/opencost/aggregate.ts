import type { OwnerFact } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import { GROUP_VALUE, type PricedPiece } from "../lines.ts";
import { GROUP_KEYS, type GroupKey } from "../report-types.ts";
import { bearerOf } from "../render/bearer.ts";
import { MAX_CELL } from "../render/cells.ts";

/** What OpenCost calls by names of its own, and the proven fact that says it. */
const FACTS = {
  cluster: "cluster",
  namespace: "namespace",
  pod: "pod",
  container: "podContainer",
  job: "job",
  account: "account",
} as const satisfies Record<string, OwnerFact>;

type FactKey = keyof typeof FACTS;
export type AggregateKey = GroupKey | FactKey;

const FACT_KEYS: readonly FactKey[] = [
  "cluster",
  "namespace",
  "pod",
  "container",
  "job",
  "account",
];
export const AGGREGATE_KEYS: readonly AggregateKey[] = [...GROUP_KEYS, ...FACT_KEYS];

/** Time nobody had, time nobody measured, and time of an owner of whom a key says nothing. */
export const IDLE_NAME = "__idle__";
export const UNOBSERVED_NAME = "__unobserved__";
const UNALLOCATED_NAME = "__unallocated__";

/** Keys that every piece has a value of, whosever it is. */
const OF_DEVICE: ReadonlySet<AggregateKey> = new Set(["gpu", "model", "node"]);

/** One value a key, joined by `/`: what OpenCost calls an allocation. */
export function allocationName(piece: PricedPiece, keys: readonly AggregateKey[]): string {
  return keys.map((key) => sanitize(valueOf(piece, key), MAX_CELL)).join("/");
}

function valueOf(piece: PricedPiece, key: AggregateKey): string {
  if (!OF_DEVICE.has(key)) {
    if (piece.charge === "idle") return IDLE_NAME;
    if (piece.charge === "unobserved") return UNOBSERVED_NAME;
  }
  const fact = FACT_KEYS.find((known) => known === key);
  if (fact) return piece.facts?.[FACTS[fact]] ?? UNALLOCATED_NAME;
  const group = GROUP_KEYS.find((known) => known === key);
  if (!group) return UNALLOCATED_NAME;
  return group === "owner" ? bearerOf(piece.ownerKey) : GROUP_VALUE[group](piece);
}

/** `namespace,pod` → keys, each once; undefined where a name is none. */
export function parseAggregate(text: string): AggregateKey[] | undefined {
  const keys = new Set<AggregateKey>();
  for (const name of text.split(",")) {
    const key = AGGREGATE_KEYS.find((known) => known === name.trim());
    if (!key) return undefined;
    keys.add(key);
  }
  return [...keys];
}
