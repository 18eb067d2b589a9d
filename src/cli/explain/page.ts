import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";
import type { Page } from "../inspect/lines.ts";
import type { CommandIo } from "../io.ts";

const DEFAULT_WIDTH = 80;
/** Below it the tables would be one word wide. */
const MIN_WIDTH = 60;
/** Wider than any terminal: beyond it a mistake would fill a disk. */
const MAX_WIDTH = 1000;

/** The terminal as it is, or as `--width` says. @throws AssayError cli/usage */
export function pageOf(width: string | undefined, env: CommandIo["env"]): Page {
  return { width: widthOf(width), unicode: showsUnicode(env) };
}

function widthOf(text: string | undefined): number {
  const { isTTY, columns } = process.stdout;
  if (text === undefined)
    return isTTY && columns > 0 ? Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, columns)) : DEFAULT_WIDTH;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= MIN_WIDTH && value <= MAX_WIDTH) return value;
  throw new AssayError("cli/usage", `"${sanitize(text, 40)}" is no width`, {
    place: "--width",
    hint: `a whole number of columns from ${MIN_WIDTH} to ${MAX_WIDTH}`,
  });
}

/** As POSIX orders the variables: the first that is set decides; none means plain ASCII. */
function showsUnicode(env: CommandIo["env"]): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return env["TERM"] !== "dumb" && /utf-?8/i.test(locale);
}
