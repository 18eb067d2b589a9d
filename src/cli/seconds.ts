import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";

const MIN_SECONDS = 0.01;
const MAX_SECONDS = 600;
/** Nothing that `Number` also takes: no exponent, no sign, no 0x10, no white space. */
const PLAIN_DECIMAL = /^(\d+(\.\d*)?|\.\d+)$/;

/** The value of `--seconds`: how long to measure. @throws AssayError `cli/usage` */
export function secondsOf(text: string): number {
  const seconds = PLAIN_DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds;
  throw new AssayError("cli/usage", `"${sanitize(text, 60)}" is no time to measure`, {
    place: "--seconds",
    hint: `a number of seconds such as 2 or 0.5: ${MIN_SECONDS} at least, ${MAX_SECONDS} at most`,
  });
}
