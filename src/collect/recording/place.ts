import { AssayError } from "../../model/errors.ts";

/** A line of a recording, counted from 1 as editors do. */
export interface LinePlace {
  readonly file: string;
  readonly line: number;
}

export function placeText(at: LinePlace): string {
  return `${at.file}:${at.line}`;
}

const FORMAT_HINT = "docs/recording-format.md says what each kind and field holds";

/** The error for a line that is not JSON, or whose field has the wrong type. */
export function malformed(at: LinePlace, message: string, hint: string = FORMAT_HINT): AssayError {
  return new AssayError("recording/malformed", message, { place: placeText(at), hint });
}
