import type { DeliveryOutcome } from "../ledger/contract.ts";

/** What came of one request. `stopped` says nothing about the receiver: it is tried again. */
export type AttemptResult =
  | { kind: "answered"; status: number; retryAfter?: string | undefined }
  | { kind: "failed"; reason: string }
  | { kind: "stopped" };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits after the first, second, … failed attempt, as Standard Webhooks suggests: three days in all. */
export const RETRY_SCHEDULE_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** A receiver may ask for patience up to the longest wait of the schedule, and no further. */
export const MAX_RETRY_AFTER_MS = 24 * HOUR;
/** Waits are lengthened by up to this share, so that receivers that failed together are not hit together. */
const JITTER = 0.25;

/** Answered 410: the receiver never wants to hear from us again. */
export const GONE = 410;

/**
 * What an attempt means for its message. 2xx is delivered, 410 is dead, anything else is tried again
 * until the schedule ends; never earlier than the receiver's Retry-After asks.
 * @param attempts how many were made before this one
 * @param random in [0, 1)
 */
export function outcomeOf(
  result: Exclude<AttemptResult, { kind: "stopped" }>,
  attempts: number,
  nowMs: number,
  random: number,
): DeliveryOutcome {
  if (result.kind === "answered" && result.status >= 200 && result.status < 300)
    return { state: "delivered", atMs: nowMs };
  const error = errorOf(result);
  const waitMs = RETRY_SCHEDULE_MS[attempts];
  const isGone = result.kind === "answered" && result.status === GONE;
  if (isGone || waitMs === undefined) return { state: "dead", atMs: nowMs, error };
  const askedMs = result.kind === "answered" ? retryAfterMs(result.retryAfter, nowMs) : undefined;
  const longerMs = Math.max(waitMs, askedMs ?? 0) * (1 + JITTER * random);
  return { state: "retry", nextAttemptAtMs: nowMs + Math.ceil(longerMs), error };
}

function errorOf(result: Exclude<AttemptResult, { kind: "stopped" }>): string {
  if (result.kind === "failed") return result.reason;
  if (result.status >= 300 && result.status < 400)
    return `answered ${result.status}: redirects are not followed`;
  return result.status === GONE ? "answered 410 Gone" : `answered ${result.status}`;
}

/** Milliseconds a Retry-After header asks for (seconds or HTTP date), capped; undefined if neither. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * SECOND, MAX_RETRY_AFTER_MS);
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const atMs = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  if (Number.isNaN(atMs)) return undefined;
  return Math.min(Math.max(0, atMs - nowMs), MAX_RETRY_AFTER_MS);
}
