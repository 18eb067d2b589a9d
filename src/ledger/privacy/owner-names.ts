import { type Owner, ownerKey, parseOwnerKey } from "../../model/owner.ts";
import { mentions, renamer, type Rename } from "../../model/names.ts";

/** What an erasure makes of owners and of texts that name them. */
export interface Renaming {
  /** What is looked for in records: the name, or the owner's id. */
  name: string;
  /** What is written in its place. */
  tag: string;
  /** Of a person, as against a job, a pod or a container. */
  isPerson: boolean;
  /** The owner's key after the erasure: the same where it names somebody else. */
  keyOf: (key: string) => string;
  textOf: Rename;
}

/** Lines that a node has one of: nobody's. */
const NOBODYS = new Set(["agent", "unattributed", "idle", "unobserved"]);

/** @returns undefined for what is no owner, or nobody */
export function erasable(key: string): Owner | undefined {
  const owner = parseOwnerKey(key);
  return owner && owner.id !== "" && !NOBODYS.has(owner.kind) ? owner : undefined;
}

/**
 * A person is also named by the units, containers and jobs that are kept apart within his time
 * (`unit:alice/train.service`, `job:slurm:alice/4711`) and by devices that were idle while he held
 * them (`idle:user:alice`).
 * @param known keys of all owners of the ledger
 */
export function renamingOf(owner: Owner, known: Iterable<string>, wished: string): Renaming {
  const keys = [...known];
  const tag = freeTag(wished, keys);
  const isPerson = owner.kind === "user";
  const name = owner.id;
  const keyOf = (key: string): string => {
    const parsed = parseOwnerKey(key);
    if (!parsed) return key;
    if (parsed.kind === "idle")
      return parsed.id === "" ? key : ownerKey({ kind: "idle", id: keyOf(parsed.id) });
    return ownerKey({ kind: parsed.kind, id: isPerson ? personIn(parsed) : idIn(parsed) });
  };
  const personIn = ({ kind, id }: Owner): string => {
    if (kind === "user") return id === name ? tag : id;
    if (kind === "pod") return id;
    const at = id.startsWith(`${name}/`) ? 0 : id.indexOf(`:${name}/`) + 1;
    const isThere = at > 0 || id.startsWith(`${name}/`);
    return isThere ? id.slice(0, at) + tag + id.slice(at + name.length) : id;
  };
  const idIn = ({ kind, id }: Owner): string => (kind === owner.kind && id === name ? tag : id);
  // Others whose own name has this one in it keep theirs.
  const others = keys.filter((key) => keyOf(key) === key && mentions(key, name));
  const kept = others.flatMap((key) => [key, parseOwnerKey(key)?.id ?? key]);
  const words = new Set([name, JSON.stringify(name).slice(1, -1)]);
  const inText = renamer(new Map([...words].map((word) => [word, tag])), kept);
  const textOf = (text: string): string => {
    const asKey = keyOf(text);
    return asKey === text ? inText(text) : asKey;
  };
  return { name, tag, isPerson, keyOf, textOf };
}

/** No owner has the tag in his name already. */
function freeTag(wished: string, keys: readonly string[]): string {
  let tag = wished;
  for (let again = 2; keys.some((key) => mentions(key, tag)); again++) tag = `${wished}-${again}`;
  return tag;
}
