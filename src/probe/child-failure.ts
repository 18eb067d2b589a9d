import type { FailureReason } from "./protocol.ts";

/** A failure inside the device child, by the reason that the parent will be told. */
export class ChildFailure extends Error {
  override readonly name = "ChildFailure";
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
