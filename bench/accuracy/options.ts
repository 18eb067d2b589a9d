import { parseArgs } from "node:util";
import { AssayError } from "../../src/model/errors.ts";
import { FEATURE_GROUPS, type Feature, FEATURES } from "../../src/model/signature.ts";

export interface AccuracyOptions {
  /** Recordings of other people: scored, never fitted on. */
  directories: readonly string[];
  /** Features that one more scoring does without; empty for none. */
  without: readonly Feature[];
  /** Whether the page and the log are written. */
  write: boolean;
  json: boolean;
}

export const USAGE =
  "npm run accuracy -- [DIRECTORY ...] [--without FEATURE|GROUP,...] [--no-write] [--json]";

/** @throws AssayError `cli/usage` saying what is wrong, with the names that there are */
export function accuracyOptions(args: readonly string[]): AccuracyOptions {
  const { positionals, values } = parsed(args);
  return {
    directories: positionals,
    without: values.without === undefined ? [] : featuresOf(values.without),
    write: !values["no-write"],
    json: values.json ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        without: { type: "string" },
        "no-write": { type: "boolean" },
        json: { type: "boolean" },
      },
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("cli/usage", message, { hint: `usage: ${USAGE}`, cause });
  }
}

function featuresOf(list: string): Feature[] {
  const groups = new Map<string, readonly string[]>(Object.entries(FEATURE_GROUPS));
  const known: ReadonlySet<string> = new Set(FEATURES);
  const names = list.split(",").map((name) => name.trim());
  const bad = names.filter((name) => !known.has(name) && !groups.has(name));
  if (bad.length > 0)
    throw new AssayError(
      "cli/usage",
      `no feature and no group of features is called ${bad.map((name) => JSON.stringify(name)).join(", ")}`,
      { hint: `groups: ${[...groups.keys()].join(", ")}; features: ${FEATURES.join(", ")}` },
    );
  const left = new Set(names.flatMap((name) => groups.get(name) ?? [name]));
  return FEATURES.filter((feature) => left.has(feature));
}
