import type { Owner } from "./owner.ts";
import { sanitize } from "./text.ts";

/**
 * The owner with another word for a person's name, where his id names that person: as himself, or as
 * whose unit, container or job it is (`unit:alice/train.service`, `job:slurm:alice/4711`). Names of
 * namespaces and pods are nobody's.
 * @returns the same object where it does not name him
 */
export function withPerson(owner: Owner, name: string, other: string): Owner {
  const { kind, id } = owner;
  // Ids are escaped, names may not be.
  const written = sanitize(name);
  if (written === "" || kind === "pod" || kind === "idle") return owner;
  if (kind === "user") return id === written ? { kind, id: other } : owner;
  const at = id.startsWith(`${written}/`) ? 0 : id.indexOf(`:${written}/`) + 1;
  if (at === 0 && !id.startsWith(`${written}/`)) return owner;
  return { kind, id: id.slice(0, at) + other + id.slice(at + written.length) };
}
