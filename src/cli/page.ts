import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { Page } from "./inspect/lines.ts";
import type { CommandIo } from "./io.ts";

const DEFAULT_WIDTH = 80;
/** Wider than any terminal: beyond it a mistake would fill a disk. */
const MAX_WIDTH = 1000;

/**
 * The terminal as it is, or as `--width` says.
 * @param minWidth columns below which the text would be one word wide
 * @throws AssayError cli/usage
 */
export function pageOf(width: string | undefined, env: CommandIo["env"], minWidth: number): Page {
  return { width: widthOf(width, minWidth), unicode: showsUnicode(env) };
}

function widthOf(text: string | undefined, minWidth: number): number {
  const { isTTY, columns } = process.stdout;
  if (text === undefined)
    return isTTY && columns > 0 ? Math.min(MAX_WIDTH, Math.max(minWidth, columns)) : DEFAULT_WIDTH;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= minWidth && value <= MAX_WIDTH) return value;
  throw new AssayError(
    "cli/usage",
    `"${sanitize(text, 40)}" is no whole number from ${minWidth} on`,
    {
      place: "--width",
      hint: `columns, ${MAX_WIDTH} at most`,
    },
  );
}

/** As POSIX orders the variables: the first that is set decides; none means plain ASCII. */
function showsUnicode(env: CommandIo["env"]): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return env["TERM"] !== "dumb" && /utf-?8/i.test(locale);
}
