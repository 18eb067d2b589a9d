import type { Evidence } from "../../model/evidence.ts";
import { sanitize } from "../../model/text.ts";
import type { HostFinding } from "./schema.ts";

const MAX_TEXT = 600;

/** What each kind of sign is, and how a person would check it. */
const MEANINGS: Readonly<Record<string, string>> = {
  "program name":
    "the program, by its file, its command line or its short name, is called like a known miner. A name is chosen freely: look at the file itself",
  "pool address scheme":
    "one of its arguments holds the form of address by which mining pools are reached",
  "pool name": "one of its arguments is an address in the domain of a mining pool",
  "miner option": "one of its arguments is an option that mining programs take and few others do",
  wallet: "one of its arguments, which says whom to pay, has the form of a wallet",
  "miner variable":
    "its environment has a variable that begins like those of a miner. Other programs have such, too",
  "miner module": "it has loaded, or runs, a module of Python that searches for proofs of work",
  "service unit": "it was started by a service that the installer of a mining pool writes",
  "deleted executable":
    "the file it was started from is gone. An update does that, too: it is shown and counts as no sign of its own",
};

/** Signs on processes and on their connections, each spelt out. */
export function hostFindings(evidence: readonly Evidence[]): HostFinding[] {
  return evidence
    .filter(({ family }) => family === "host" || family === "network")
    .map(({ feature, value, text, weights }) => ({
      feature: sanitize(feature, 60),
      pid: typeof value === "number" && Number.isInteger(value) ? value : undefined,
      confirmed: Object.values(weights).some((weight) => weight !== 0),
      text: sanitize(text, MAX_TEXT),
      signs: signsOf(text),
      weights,
    }));
}

const HEAD = /^process \d+ shows [^:]*: /;
/** What is from lists holds no space: what follows may hold anything. */
const SIGN =
  /^(program name|pool address scheme|pool name|miner option|wallet|miner variable|miner module|service unit) (\S+?)(?:, |$)/;
/** Said of the last of many processes. */
const MORE = / \(and \d+ more like it\)$/;
const DELETED = /^deleted executable (.*)$/s;

/** A deleted file's path is hostile and stands last: nothing in it is taken for a sign. */
function signsOf(text: string): HostFinding["signs"] {
  const head = HEAD.exec(text)?.[0];
  if (head === undefined) return [];
  const signs: HostFinding["signs"] = [];
  let rest = text.slice(head.length).replace(MORE, "");
  for (let match = SIGN.exec(rest); match; match = SIGN.exec(rest)) {
    signs.push(signOf(match[1] ?? "", match[2] ?? "", true));
    rest = rest.slice(match[0].length);
  }
  const deleted = DELETED.exec(rest);
  if (deleted) signs.push(signOf("deleted executable", deleted[1] ?? "", false));
  return signs;
}

function signOf(kind: string, text: string, independent: boolean): HostFinding["signs"][number] {
  return { kind, text: sanitize(text), independent, meaning: MEANINGS[kind] ?? "" };
}
