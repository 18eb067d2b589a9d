import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { distance } from "fastest-levenshtein";
import { defaultStateDir } from "../../config/paths.ts";
import { openLedger } from "../../ledger/client.ts";
import type { Ledger } from "../../ledger/contract.ts";
import { hasErasedTag } from "../../ledger/privacy/tag.ts";
import { AssayError } from "../../model/errors.ts";
import { lacksName, parseOwnerKey } from "../../model/owner.ts";
import { SHORT_ID_BYTES, shortId } from "../../model/short-id.ts";
import { sanitize } from "../../model/text.ts";
import type { CommandIo } from "../io.ts";

/** Longest reason that is kept as it was given. */
const MAX_REASON = 4000;
/** Longest owner key that a person may give to somebody's time. */
const MAX_NEW_OWNER = 256;
const MAX_NEAREST = 3;

export const newId = (prefix: string): string => shortId(prefix, randomBytes(SHORT_ID_BYTES));

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export function stateDirOf(given: string | undefined, io: CommandIo): string {
  return given ?? defaultStateDir(io.env, process.getuid?.() === 0);
}

/** The ledger, for as long as `use` takes. @throws AssayError ledger/*, and what `use` throws */
export async function withLedger<T>(
  stateDir: string,
  use: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const ledger = await openLedger({ stateDir, mode: "read" });
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}

export function withPlace(command: Command): Command {
  return command
    .option("--state-dir <dir>", "where the ledger is")
    .option("--json", "all of it as one JSON object");
}

/** @throws AssayError act/invalid for a reason that says nothing, or is too long to keep whole */
export function reasonOf(text: string): string {
  const reason = text.trim();
  if (reason !== "" && reason.length <= MAX_REASON) return reason;
  const what = reason === "" ? "no reason is given" : `the reason has ${reason.length} characters`;
  throw new AssayError("act/invalid", what, {
    place: "--reason",
    hint: `say why, in ${MAX_REASON} characters at most: whoever is concerned will read it`,
  });
}

/** @throws AssayError explain/owner for what names no kind of owner */
export function knownOwnerKey(key: string, place: string = "--owner"): string {
  if (parseOwnerKey(key)) return key;
  throw new AssayError("explain/owner", `"${sanitize(key, 100)}" is no owner`, {
    place,
    hint: "such as user:alice, container:3f2a9c1d5e7b, unattributed or idle",
  });
}

/** A key that a person gives: short, printable, and of a kind that time can be given to. */
export function newOwnerKey(key: string): string {
  const place = "--new-owner";
  knownOwnerKey(key, place);
  const owner = parseOwnerKey(key);
  const problem =
    owner?.kind === "unobserved"
      ? "what was measured cannot become unobserved"
      : owner && lacksName(owner)
        ? "the new owner's key has no name"
        : key.length > MAX_NEW_OWNER
          ? `the new owner's key has ${key.length} characters`
          : sanitize(key, MAX_NEW_OWNER) !== key
            ? "the new owner's key holds characters that cannot be seen"
            : hasErasedTag(key)
              ? "the new owner's name is one that an erasure gives"
              : undefined;
  if (problem === undefined) return key;
  throw new AssayError("act/invalid", problem, {
    place,
    hint: `a printable key of ${MAX_NEW_OWNER} characters at most, such as user:alice`,
  });
}

/** The ids that come nearest to one that is not there, for a hint. */
export function nearestIds(id: string, known: readonly string[]): string {
  const near = [...new Set(known)]
    .map((each) => ({ each, away: distance(id, each) }))
    .sort((a, b) => a.away - b.away || (a.each < b.each ? -1 : 1))
    .slice(0, MAX_NEAREST)
    .map(({ each }) => sanitize(each, 60));
  return near.join(", ");
}
