import { AssayError, type ErrorCode } from "../model/errors.ts";
import type { Window } from "../model/window.ts";
import type { DeliveryOutcome, LedgerBatch, SliceQuery } from "./contract.ts";

export interface WorkerOptions {
  role: "write" | "read";
  stateDir: string;
  maxBytes?: number | undefined;
}

/** What the main thread asks a ledger worker for. */
export type LedgerRequest =
  | { op: "append"; batch: LedgerBatch }
  | { op: "slices"; query: SliceQuery }
  | { op: "segments"; query: Omit<SliceQuery, "afterSequence"> }
  | { op: "usage"; window: Window }
  | { op: "straddling"; atMs: number }
  | { op: "gpus" }
  | { op: "gaps"; window: Window }
  | { op: "incidents"; query: { open?: boolean | undefined; limit?: number | undefined } }
  | { op: "calibrations" }
  | { op: "extent" }
  | { op: "lastSliceEnds" }
  | { op: "due"; nowMs: number; limit: number }
  | { op: "settle"; id: string; endpoint: string; outcome: DeliveryOutcome }
  | { op: "outboxStatus" }
  | { op: "close" };

/** An error on its way between threads: class instances do not survive it. */
export interface WireError {
  message: string;
  code?: ErrorCode | undefined;
  place?: string | undefined;
  hint?: string | undefined;
}

export type WorkerMessage =
  | { kind: "ready" }
  | { kind: "failed"; error: WireError }
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "error"; id: number; error: WireError };

export function toWire(error: unknown): WireError {
  if (error instanceof AssayError) {
    const { message, code, place, hint } = error;
    return { message, code, place, hint };
  }
  return { message: error instanceof Error ? error.message : String(error) };
}

export function fromWire({ message, code, place, hint }: WireError): Error {
  return code ? new AssayError(code, message, { place, hint }) : new Error(message);
}
