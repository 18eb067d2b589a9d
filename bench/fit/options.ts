import { parseArgs } from "node:util";
import { AssayError } from "../../src/model/errors.ts";

export interface FitArguments {
  /** Undefined for the project's own recordings. */
  directory: string | undefined;
  /** Where the model goes; undefined to print its figures only. */
  out: string | undefined;
  /** Write nothing; say whether `out` is what the recordings give. */
  check: boolean;
  /** Simulated recordings may take part: for tests of the fit itself. */
  simulated: boolean;
  /** Recordings from elsewhere may take part. */
  foreign: boolean;
  /** The model to start from; undefined for the one that ships. */
  base: string | undefined;
}

export const USAGE =
  "npm run fit -- [DIRECTORY=bench/recordings] [--out FILE] [--check] [--base FILE] [--simulated] [--foreign-i-have-the-right]";

/** @throws AssayError `cli/usage` */
export function fitArguments(args: readonly string[]): FitArguments {
  const { values, positionals } = parsed(args);
  const paths = [...positionals, values.out, values.base];
  if (positionals.length > 1) throw usage("one directory at a time");
  if (paths.some((path) => path?.trim() === "")) throw usage("an empty path names nothing");
  if (values.check && values.out === undefined)
    throw usage("--check compares with a model file: name it with --out");
  return {
    directory: positionals[0],
    out: values.out,
    check: values.check ?? false,
    simulated: values.simulated ?? false,
    foreign: values["foreign-i-have-the-right"] ?? false,
    base: values.base,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: "string" },
        check: { type: "boolean" },
        base: { type: "string" },
        simulated: { type: "boolean" },
        "foreign-i-have-the-right": { type: "boolean" },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

const usage = (message: string): AssayError =>
  new AssayError("cli/usage", message, { hint: `usage: ${USAGE}` });
