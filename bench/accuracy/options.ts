import { type Feature, FEATURES } from "../../src/model/signature.ts";

export interface AccuracyOptions {
  directory: string;
  /** Features that a second scoring does without; empty for none. */
  without: readonly Feature[];
}

export const USAGE =
  "usage: npm run accuracy -- DIRECTORY_OF_RECORDINGS [--without FEATURE,FEATURE,...]";

/** @throws RangeError saying what is wrong, with the names that there are */
export function accuracyOptions(args: readonly string[]): AccuracyOptions {
  const [directory, flag, list, ...more] = args;
  const isWhole = flag === undefined || (flag === "--without" && list !== undefined);
  if (directory === undefined || directory.startsWith("-") || !isWhole || more.length > 0)
    throw new RangeError(USAGE);
  return { directory, without: list === undefined ? [] : featuresOf(list) };
}

function featuresOf(list: string): Feature[] {
  const names = list.split(",").map((name) => name.trim());
  const known: readonly string[] = FEATURES;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new RangeError(
      `no feature is called ${unknown.map((name) => JSON.stringify(name)).join(", ")}; there are: ${FEATURES.join(", ")}`,
    );
  return FEATURES.filter((feature) => names.includes(feature));
}
