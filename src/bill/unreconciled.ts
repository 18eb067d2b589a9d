import { AssayError } from "../model/errors.ts";

/** The error for a ledger whose slices do not fill a window: no bill may be made of it. */
export function unreconciled(message: string, place: string): AssayError {
  return new AssayError("report/unreconciled", message, {
    place,
    hint: "check the ledger; report a window without the place named here meanwhile",
  });
}
