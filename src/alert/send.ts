import type { OutboxMessage } from "../ledger/contract.ts";
import type { Endpoint } from "./endpoint.ts";
import type { AttemptResult } from "./retry.ts";

/** Calls back once after `delayMs`; the returned function takes it back. */
export type Timer = (delayMs: number, callBack: () => void) => () => void;

export interface SendSettings {
  fetch: typeof globalThis.fetch;
  timer: Timer;
  timeoutMs: number;
  userAgent: string;
}

/** Bytes of an answer that are read before the connection is given up. Their content is not used. */
const MAX_ANSWER_BYTES = 16_384;

/**
 * One signed POST. Redirects are not followed: they could lead an alert to anybody. The status alone
 * decides; the answer's body is read a little, so that the connection can be used again, and thrown
 * away. Never throws.
 * @param nowMs of this attempt: it is part of what is signed
 * @param stop aborts the attempt without blaming the receiver
 */
export async function send(
  message: OutboxMessage,
  endpoint: Endpoint,
  nowMs: number,
  stop: AbortSignal,
  settings: SendSettings,
): Promise<AttemptResult> {
  const timeout = new AbortController();
  const cancel = settings.timer(settings.timeoutMs, () => timeout.abort());
  try {
    const response = await settings.fetch(endpoint.url, {
      method: "POST",
      redirect: "manual",
      headers: headersOf(message, endpoint, nowMs, settings.userAgent),
      body: message.body,
      signal: AbortSignal.any([timeout.signal, stop]),
    });
    await discard(response);
    const retryAfter = response.headers.get("retry-after") ?? undefined;
    return { kind: "answered", status: response.status, retryAfter };
  } catch (error) {
    if (stop.aborted) return { kind: "stopped" };
    if (timeout.signal.aborted)
      return { kind: "failed", reason: `no answer within ${settings.timeoutMs / 1000} s` };
    return { kind: "failed", reason: `connection failed: ${codeOf(error)}` };
  } finally {
    cancel();
  }
}

function headersOf(
  message: OutboxMessage,
  endpoint: Endpoint,
  nowMs: number,
  userAgent: string,
): Record<string, string> {
  const timestampSeconds = Math.floor(nowMs / 1000);
  return {
    "content-type": "application/json",
    "accept-encoding": "identity",
    "user-agent": userAgent,
    "webhook-id": message.id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": endpoint.keys.sign(message.id, timestampSeconds, message.body),
  };
}

/** An answer that breaks off or never ends has still been given by its status. */
async function discard(response: Response): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (let readBytes = 0; readBytes < MAX_ANSWER_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return;
      readBytes += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // timed out or reset after the status: nothing more to learn
  }
}

/** The error's code only (`ECONNREFUSED`): messages may hold the URL, and URLs may hold tokens. */
function codeOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    if ("code" in at && typeof at.code === "string") return at.code;
    at = at.cause;
  }
  return error instanceof Error ? error.name : "unknown error";
}
