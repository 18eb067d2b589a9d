import type { OutboxMessage } from "../ledger/contract.ts";
import { eventType, type PayloadDetails, payloadOf } from "./payload.ts";
import type { IncidentChange } from "./rules/change.ts";

/** Base-36 digits of a time in milliseconds: enough for any, so that ids sort like times. */
const TIME_DIGITS = 9;

/**
 * The same change always gets the same message id, so that a receiver can drop what a crash made us
 * send twice. No dot: the signed text separates its parts by dots.
 */
export function messageId(change: IncidentChange): string {
  const { id, updatedAtMs } = change.incident;
  const time = updatedAtMs.toString(36).padStart(TIME_DIGITS, "0");
  return `msg_${id.replaceAll(".", "-")}_${time}_${change.action}`;
}

/** What must arrive in order: the messages of one incident, in the order of their ids. */
export function orderGroup(id: string): string {
  return /^(msg_.+)_[0-9a-z]{9}_(?:opened|updated|resolved)$/.exec(id)?.[1] ?? id;
}

/** One message for each endpoint. Commit them in the ledger batch of the incident itself. */
export function toOutbox(
  change: IncidentChange,
  endpoints: readonly { name: string }[],
  nowMs: number,
  details: PayloadDetails = {},
): OutboxMessage[] {
  const id = messageId(change);
  const type = eventType(change);
  const body = payloadOf(change, details);
  return endpoints.map(({ name }) => ({ id, endpoint: name, type, body, createdAtMs: nowMs }));
}
