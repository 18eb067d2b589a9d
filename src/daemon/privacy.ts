import { type NameOf, Names } from "../attribute/names.ts";
import { readBounded } from "../collect/files.ts";
import type { PrivacyConfig } from "../config/privacy.ts";
import type { KnownProcess } from "../ledger/contract.ts";
import type { ContextObservation } from "../model/observation.ts";
import { ownerKey, parseOwnerKey } from "../model/owner.ts";
import { withPerson } from "../model/owner-person.ts";
import { openPseudonymKey, pseudonyms } from "./pseudonyms.ts";

const PASSWD = "/etc/passwd";
const MAX_PASSWD = 4 * 1024 ** 2;
const FIRST_PERSON_UID = 1000;
const NOBODY_UID = 65_534;

/** What the configuration lets out of the pipeline. */
export interface Privacy {
  /** For the pipeline; it learns there who there is. */
  names: Names;
  process: (process: KnownProcess) => KnownProcess;
  context: (context: ContextObservation) => ContextObservation;
  /** An owner's key of the configuration as records have it. */
  ownerKeyOf: (key: string) => string;
}

/** @throws AssayError where pseudonyms are asked for and their key cannot be had */
export function openPrivacy(config: PrivacyConfig, stateDir: string): Privacy {
  const nameOf =
    config.users === "pseudonym"
      ? pseudonyms(openPseudonymKey(stateDir), config.plainUsers)
      : undefined;
  const names = new Names(nameOf);
  // Whom a run names before a process of his was seen.
  for (const name of nameOf ? peopleOf(readBounded(PASSWD, MAX_PASSWD) ?? "") : [])
    names.learnName(name);
  return {
    names,
    process: (process) => withoutCommand(process, config.commands),
    context: contextsOf(names, config.commands),
    ownerKeyOf: (key) => (nameOf ? shownKey(key, nameOf) : key),
  };
}

/** Accounts of people by a file in the form of /etc/passwd. */
export function peopleOf(passwd: string): string[] {
  return passwd.split("\n").flatMap((line) => {
    const [name = "", , uid = ""] = line.split(":");
    const isPerson = Number(uid) >= FIRST_PERSON_UID && Number(uid) < NOBODY_UID;
    return name !== "" && uid !== "" && isPerson ? [name] : [];
  });
}

function contextsOf(
  names: Names,
  commands: PrivacyConfig["commands"],
): (context: ContextObservation) => ContextObservation {
  return (context) => {
    const { arguments: args, ...rest } = context;
    const kept = commands === "full" && args !== undefined ? { ...rest, arguments: args } : rest;
    if (names.isPlain) return kept;
    const fields = Object.entries(kept).map(([field, value]) => [
      field,
      typeof value === "string" && field !== "kind" ? names.text(value) : value,
    ]);
    return Object.fromEntries(fields);
  };
}

/** `program`: the names of programs alone; `none`: not even those. */
function withoutCommand(process: KnownProcess, commands: PrivacyConfig["commands"]): KnownProcess {
  if (commands === "full") return process;
  const { command: _, exe, comm, lineage, ...kept } = process;
  const isKept = commands === "program";
  return {
    ...kept,
    ...(isKept && { exe: programOf(exe), comm }),
    lineage: lineage?.map(({ title: __, exe: file, comm: name, ...above }) => ({
      ...above,
      ...(isKept && { exe: programOf(file), comm: name }),
    })),
  };
}

function programOf(exe: string | undefined): string | undefined {
  return exe?.slice(exe.lastIndexOf("/") + 1);
}

/** Budgets and filters name owners by their people: `user:alice`, `job:slurm:alice/4711`. */
export function shownKey(key: string, nameOf: NameOf): string {
  const owner = parseOwnerKey(key);
  if (!owner) return key;
  if (owner.kind === "idle" && owner.id !== "")
    return ownerKey({ kind: "idle", id: shownKey(owner.id, nameOf) });
  const person =
    owner.kind === "user" ? owner.id : /^(?:(?:slurm|ray):)?([^/]+)\//.exec(owner.id)?.[1];
  return person === undefined ? key : ownerKey(withPerson(owner, person, nameOf(person)));
}
