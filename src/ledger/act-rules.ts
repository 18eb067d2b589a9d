import type { Database } from "better-sqlite3";
import { lacksName, parseOwnerKey } from "../model/owner.ts";
import type { Act, ActOf } from "./acts.ts";
import { BatchRejected } from "./rejected.ts";

/** The state of the newest record of a thing; what an erasure left of it still has its state. */
const NEWEST = `
  SELECT json_extract(json, '$.state') AS state FROM acts
  WHERE kind = @kind AND id = @id ORDER BY sequence DESC LIMIT 1`;

const REPLACED = `
  SELECT id FROM acts
  WHERE kind = 'report' AND json_extract(json, '$.replaces') = ? LIMIT 1`;

const LAST_SEEN = `
  SELECT coalesce((SELECT max(to_ms) FROM coverage WHERE gpu_id = gpus.id), first_seen_ms)
  FROM gpus WHERE uuid = ?`;

/** Throws BatchRejected for an act that does not follow from those before it. */
export type ActRules = (act: Act) => void;

/**
 * What must hold between acts, whoever hands them over and however many do so at once: a dispute is
 * opened once and decided once, a correction settles a dispute that there is, and of a report there
 * is one successor at most. Call it in the transaction that writes the act, and not for one that is
 * there already just as it is.
 */
export function createActRules(db: Database): ActRules {
  const newest = db.prepare<{ kind: string; id: string }, { state: unknown }>(NEWEST);
  const replaced = db.prepare<[string], { id: string }>(REPLACED);
  const lastSeen = db.prepare<[string], number>(LAST_SEEN).pluck();
  const stateOf = (kind: Act["kind"], id: string): unknown => newest.get({ kind, id });
  const disputeState = (id: string): unknown => newest.get({ kind: "dispute", id })?.state;
  return (act) => {
    if (act.kind === "retirement") checkRetirement(act, lastSeen.get(act.gpuUuid));
    if (act.kind === "dispute") checkDispute(act, disputeState(act.id));
    if (act.kind === "correction") checkNewOwner(act);
    if (act.kind === "correction" && act.dispute !== undefined)
      refuseUnless(disputeState(act.dispute) !== undefined, `there is no dispute ${act.dispute}`);
    if (act.kind === "correction" || act.kind === "report")
      refuseUnless(stateOf(act.kind, act.id) === undefined, `there is a ${act.kind} ${act.id}`);
    if (act.kind !== "report" || act.replaces === undefined) return;
    refuseUnless(
      stateOf("report", act.replaces) !== undefined,
      `there is no report ${act.replaces} to replace`,
    );
    const successor = replaced.get(act.replaces)?.id;
    refuseUnless(
      successor === undefined,
      `the report ${act.replaces} is replaced already, by ${successor ?? "another"}`,
    );
  };
}

function checkRetirement({ gpuUuid, fromMs }: ActOf<"retirement">, seenMs?: number): void {
  if (seenMs === undefined) return refuseUnless(false, `the ledger knows no GPU ${gpuUuid}`);
  const last = new Date(seenMs).toISOString();
  refuseUnless(fromMs >= seenMs, `the GPU ${gpuUuid} was there until ${last} at least`);
}

/** Time that is given to a user of no name is nobody's. */
function checkNewOwner({ newOwnerKey }: ActOf<"correction">): void {
  const owner = newOwnerKey === undefined ? undefined : parseOwnerKey(newOwnerKey);
  refuseUnless(!owner || !lacksName(owner), `the new owner ${newOwnerKey ?? ""} has no name`);
}

function checkDispute(act: ActOf<"dispute">, before: unknown): void {
  if (act.state === "open")
    return refuseUnless(before === undefined, `there is a dispute ${act.id}`);
  refuseUnless(before !== undefined, `there is no dispute ${act.id} to decide`);
  refuseUnless(before === "open", `the dispute ${act.id} is ${String(before)} already`);
}

function refuseUnless(holds: boolean, message: string): void {
  if (!holds) throw new BatchRejected("invalid", message);
}
