import type { KnownOwner } from "../../ledger/contract.ts";
import { type OwnerFacts, holderOf, parseOwnerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";

/** Facts that name an owner, or what is theirs. */
const NAMES = [
  "user",
  "loginUser",
  "session",
  "job",
  "jobName",
  "account",
  "namespace",
  "pod",
  "podContainer",
  "containerId",
  "containerName",
  "unit",
  "rayJob",
  "task",
  "worker",
  "server",
  "agentSession",
] as const satisfies readonly (keyof OwnerFacts)[];

/** Says what of a text may be shown: all of it, or nothing. Counts what was kept back. */
export interface Discretion {
  /** The text, or undefined where it names somebody else. */
  shown(text: string): string | undefined;
  keptBack(): number;
}

/**
 * Keeps other owners out of what one owner is given: sentences of evidence, conflicts and reasons
 * come from the processes that were seen, and may name anybody.
 * @param own the owner's key
 * @param keys every key the ledger has time of
 */
export function discretionFor(
  own: string,
  keys: readonly string[],
  owners: readonly KnownOwner[],
): Discretion {
  const ownNames = new Set<string>();
  const others = new Set<string>();
  for (const key of keys) for (const name of namesOf(key)) others.add(name);
  for (const { key, proven, declared } of owners) {
    const into = key === own ? ownNames : others;
    for (const name of namesOf(key)) into.add(name);
    for (const fact of NAMES)
      for (const name of [proven[fact], declared[fact]]) if (name !== undefined) into.add(name);
  }
  for (const name of namesOf(own)) ownNames.add(name);
  const forbidden = [...others]
    .flatMap((name) => [name, sanitize(name, Infinity)])
    .filter((name) => name.trim() !== "" && !ownNames.has(name));
  const unique = [...new Set(forbidden)];
  let keptBack = 0;
  return {
    shown: (text) => {
      if (!unique.some((name) => names(text, name))) return text;
      keptBack += 1;
      return undefined;
    },
    keptBack: () => keptBack,
  };
}

/** What a key calls its owner: `alice/train.service` names the service and alice. */
function namesOf(key: string): string[] {
  const owner = parseOwnerKey(key);
  if (!owner || owner.id === "") return [];
  const holder = holderOf(owner);
  if (holder !== undefined) return namesOf(holder);
  return [owner.id, ...owner.id.split(/[/:]/)];
}

/** Whether the text has the name as a word: `al` is no part of `global`. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1))
    if (!isWord(text.charAt(at - 1)) && !isWord(text.charAt(at + name.length))) return true;
  return false;
}

function isWord(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}
