/*
 * Words of a kernel's name, mangled as compilers do (Itanium ABI) or written out. Names come from the
 * observed program: only so much is read of one, in one pass.
 */

/** Longer than real ones, which carry all their template arguments. */
const MAX_NAME = 2048;
const QUALIFIED = /(?<!\w)[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*/g;
const IDENTIFIER = /^[A-Za-z_]\w*$/;
/** What compilers put before the name of a kernel's function in the program. */
const STUB = /^__device_stub__/;

/** Words of a name: identifiers cut at underscores (`parts`), and at changes of case as well (`words`). */
export interface KernelWords {
  parts: readonly string[];
  words: readonly string[];
}

/** Stands between identifiers that do not belong together; no word of a name. */
export const BOUNDARY = "";

/** All identifiers of a name, lower case, with a {@link BOUNDARY} between those that are not joined by `::`. */
export function kernelWords(name: string): KernelWords {
  const [parts, words]: [string[], string[]] = [[], []];
  for (const group of identifierGroups(name.slice(0, MAX_NAME))) {
    for (const identifier of group) {
      const pieces = identifier.split("_").filter((piece) => piece !== "");
      parts.push(...pieces.map((piece) => piece.toLowerCase()));
      for (const piece of pieces)
        words.push(
          ...piece
            .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
            .toLowerCase()
            .split(" "),
        );
    }
    parts.push(BOUNDARY);
    words.push(BOUNDARY);
  }
  return { parts, words };
}

/** What a person calls it: without mangling, return type, template arguments and parameters. Not escaped. */
export function plainName(name: string): string {
  const bounded = name.slice(0, MAX_NAME);
  const [first] = identifierGroups(bounded);
  if (bounded.startsWith("_Z")) return first?.join("::").replace(STUB, "") || bounded;
  const head = bounded.replace(/^(void|int|float|double) /, "").split(/[<(]/, 1)[0] ?? "";
  return head.trim().replace(STUB, "") || bounded;
}

/** Identifiers by the qualified name that they are part of. */
function identifierGroups(name: string): string[][] {
  return name.startsWith("_Z") ? mangledGroups(name) : writtenGroups(name);
}

function writtenGroups(name: string): string[][] {
  return [...name.matchAll(QUALIFIED)].map(([group]) => group.split("::"));
}

/** Source names are their length and themselves; those without anything between them are one qualified name. */
function mangledGroups(name: string): string[][] {
  const groups: string[][] = [];
  let isJoined = false;
  for (let at = 2; at < name.length;) {
    const skipped = notANameAt(name, at);
    if (skipped > 0) {
      at += skipped;
      isJoined = false;
      continue;
    }
    const digits = /^\d{1,4}/.exec(name.slice(at, at + 4))?.[0];
    const from = at + (digits?.length ?? 0);
    // A name that the tracer cut off ends where it was cut.
    const identifier = digits === undefined ? "" : name.slice(from, from + Number(digits));
    if (digits === undefined || !IDENTIFIER.test(identifier)) {
      at = digits === undefined ? at + 1 : from;
      isJoined = false;
      continue;
    }
    const last = groups.at(-1);
    if (isJoined && last) last.push(identifier);
    else groups.push([identifier]);
    isJoined = true;
    at = from + identifier.length;
  }
  return groups;
}

/** Length of what holds digits and is no name: literals, substitutions, parameters, lengths of arrays. */
function notANameAt(name: string, at: number): number {
  const rest = name.slice(at, at + 32);
  const found = /^(L[a-z]n?\d*E|S[0-9A-Z]*_|T[0-9]*_|A\d+_)/.exec(rest);
  return found?.[0].length ?? 0;
}
