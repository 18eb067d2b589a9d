import { AssayError, type ErrorCode } from "./errors.ts";

/** An error on its way between threads: instances of classes do not survive it. */
export type WireError =
  | {
      kind: "assay";
      code: ErrorCode;
      message: string;
      place?: string | undefined;
      hint?: string | undefined;
    }
  | { kind: "other"; message: string };

export function errorToWire(error: unknown): WireError {
  if (error instanceof AssayError) {
    const { code, message, place, hint } = error;
    return { kind: "assay", code, message, place, hint };
  }
  return { kind: "other", message: error instanceof Error ? error.message : String(error) };
}

export function errorFromWire(error: WireError): Error {
  if (error.kind === "assay") return new AssayError(error.code, error.message, error);
  return new Error(error.message);
}
