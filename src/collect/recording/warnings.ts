import { sanitize } from "../../model/text.ts";
import { type LinePlace, placeText } from "./place.ts";

/**
 * What a reader puts up with, but says.
 * - `unknown-kind`, `unknown-field`: of a later 1.x version, or misspelt; skipped
 * - `unused-kind`: a documented kind that this version makes nothing of; skipped
 * - `implausible-value`: a sensor's garbage; the field counts as not measured
 * - `truncated`: the recording breaks off in the middle of a line or of its gzip stream
 * - `late`: a source delivered further behind the others than a replay can put in order
 */
export type WarningCode =
  | "unknown-kind"
  | "unknown-field"
  | "unused-kind"
  | "implausible-value"
  | "truncated"
  | "late";

export interface RecordingWarning {
  code: WarningCode;
  /** The kind or field it is about, safe to show. */
  subject: string;
  count: number;
  /** Where it was seen first, as `file:line`. */
  firstPlace: string;
}

/** Distinct subjects kept: a file of random field names must not grow the list without end. */
const MAX_SUBJECTS = 64;
const OTHERS = "(others)";

/** Counts warnings by code and subject, with the first place of each. Bounded. */
export class WarningLog {
  readonly #byKey = new Map<string, RecordingWarning>();

  add(code: WarningCode, subject: string, at: LinePlace): void {
    const known = this.#byKey.get(`${code} ${subject}`);
    if (known) known.count += 1;
    else this.#addNew(code, subject, at);
  }

  list(): RecordingWarning[] {
    return [...this.#byKey.values()].map((warning) => ({ ...warning }));
  }

  #addNew(code: WarningCode, subject: string, at: LinePlace): void {
    if (this.#byKey.size >= MAX_SUBJECTS && subject !== OTHERS) {
      this.add(code, OTHERS, at);
      return;
    }
    const warning = { code, subject: sanitize(subject, 80), count: 1, firstPlace: placeText(at) };
    this.#byKey.set(`${code} ${subject}`, warning);
  }
}
