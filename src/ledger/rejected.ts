/**
 * `duplicate`: all of its windows are there already, with the same content.
 * `overlap`: a window begins before the last stored one of its device ends.
 * `share-law`: the slices of a window do not sum to it. `unknown-gpu`: a slice of a device nobody
 * described. `invalid`: a field is of the wrong type or out of range. `nothing`: there is nothing of
 * what was to be erased.
 */
export type RejectionReason =
  | "duplicate"
  | "overlap"
  | "share-law"
  | "unknown-gpu"
  | "invalid"
  | "nothing";

/** The batch breaks a law of the ledger; nothing of it was kept, and trying again is useless. */
export class BatchRejected extends Error {
  override readonly name = "BatchRejected";
  readonly reason: RejectionReason;

  constructor(reason: RejectionReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
