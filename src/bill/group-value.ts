import { parseOwnerKey } from "../model/owner.ts";
import { dayOf, hourOf } from "./bounds.ts";
import type { PricedPiece } from "./priced.ts";
import type { GroupKey } from "./report-types.ts";

/** Of an owner whose user, team or cost centre nobody knows. */
const NOT_KNOWN = "(not known)";
/** Of a device in no pool, or time under no commitment. */
const NONE = "(none)";

/** What a piece is, by each key that a report can be grouped by. */
export const GROUP_VALUE: Readonly<Record<GroupKey, (piece: PricedPiece) => string>> = {
  owner: (piece) => piece.bearerKey,
  ownerKind: (piece) => parseOwnerKey(piece.bearerKey)?.kind ?? piece.bearerKey,
  user: (piece) => factOf(piece, "user"),
  team: (piece) => factOf(piece, "team"),
  "cost-centre": (piece) => factOf(piece, "costCentre"),
  label: (piece) => (piece.charge === "unobserved" ? "unobserved" : piece.label),
  gpu: (piece) => piece.gpuUuid,
  model: (piece) => piece.gpu.model,
  node: (piece) => piece.gpu.node,
  pool: (piece) => piece.pools.join("+") || NONE,
  commitment: (piece) => piece.prices?.commitment ?? NONE,
  day: (piece) => dayOf(piece.fromMs),
  hour: (piece) => hourOf(piece.fromMs),
};

/** Owners of whom there is one on a node are nobody's: they go by their own names. */
function factOf({ bearerKey, facts }: PricedPiece, fact: "user" | "team" | "costCentre"): string {
  const { kind, id } = parseOwnerKey(bearerKey) ?? {};
  if (id === "") return bearerKey;
  const user = fact === "user" && kind === "user" ? id : undefined;
  return facts?.[fact] ?? user ?? NOT_KNOWN;
}
