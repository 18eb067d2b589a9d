import { z } from "zod";
import {
  errorFromWire,
  errorToWire,
  type WireError as ModelWireError,
} from "../model/error-wire.ts";
import type { Ledger } from "./contract.ts";
import { BatchRejected, type RejectionReason } from "./rejected.ts";

/** What a ledger worker is started with: it crosses a thread, so it is checked there. */
export const workerOptions = z.object({
  role: z.enum(["write", "read"]),
  stateDir: z.string(),
  maxBytes: z.number().positive().optional(),
  busyTimeoutMs: z.int().min(0),
  checkUpToBytes: z.int().min(0),
  signEveryMs: z.number().min(0),
});

export type WorkerOptions = z.infer<typeof workerOptions>;

export type WorkerRole = WorkerOptions["role"];

/** Every operation of the contract crosses threads under its own name. */
export type Operation = Exclude<keyof Ledger, "close">;

export type Arguments<O extends Operation> = Parameters<Ledger[O]>;

export type Result<O extends Operation> = Awaited<ReturnType<Ledger[O]>>;

export interface LedgerRequest {
  id: number;
  operation: Operation | "close";
  args: readonly unknown[];
}

/** An error on its way between threads: instances of classes do not survive it. */
export type WireError =
  | ModelWireError
  | { kind: "rejected"; reason: RejectionReason; message: string };

export type WorkerMessage =
  | { kind: "ready" }
  | { kind: "failed"; error: WireError }
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "error"; id: number; error: WireError };

export function toWire(error: unknown): WireError {
  if (error instanceof BatchRejected)
    return { kind: "rejected", reason: error.reason, message: error.message };
  return errorToWire(error);
}

export function fromWire(error: WireError): Error {
  return error.kind === "rejected"
    ? new BatchRejected(error.reason, error.message)
    : errorFromWire(error);
}
