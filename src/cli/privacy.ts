import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { defaultStateDir } from "../config/paths.ts";
import {
  PSEUDONYM,
  pseudonymKeyPath,
  pseudonymOf,
  readPseudonymKey,
} from "../daemon/pseudonyms.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Pseudonyms of users: who is behind one, and what somebody is called.

A pseudonym is a keyed digest of the name: it is found by trying names, by whoever
may read the key (STATE/pseudonym.key), and by nobody else.

  assay privacy whois p-3f2a9c4d5e6g7h2i
  getent passwd | assay privacy whois --names - p-3f2a9c4d5e6g7h2i
  assay privacy pseudonym alice`;

interface WhoisOptions {
  names: string;
  stateDir?: string;
}

export function addPrivacyCommand(program: Command, io: CommandIo): void {
  const privacy = program
    .command("privacy")
    .summary("Pseudonyms of users, for whoever holds their key")
    .description(ABOUT);
  privacy
    .command("whois")
    .summary("Names behind pseudonyms")
    .description("Find the names behind pseudonyms by trying names.")
    .argument("<pseudonyms...>", "as in reports: p-…")
    .option("--names <file>", "names to try: lines, or lines of passwd; - for input", "/etc/passwd")
    .option("--state-dir <dir>", "where the key is")
    .action((given: string[], options: WhoisOptions) => whois(given, options, io));
  privacy
    .command("pseudonym")
    .summary("What users are called in the ledger")
    .description("Say what users are called in the ledger.")
    .argument("<names...>", "names of users")
    .option("--state-dir <dir>", "where the key is")
    .action((names: string[], { stateDir }: { stateDir?: string }) => {
      const key = keyOf(stateDir, io);
      for (const name of names) io.stdout(`${pseudonymOf(key, name)}\t${sanitize(name)}\n`);
    });
}

function whois(given: readonly string[], { names, stateDir }: WhoisOptions, io: CommandIo): void {
  const wanted = given.map(bare);
  const key = keyOf(stateDir, io);
  const found = new Map(namesIn(names).map((name) => [pseudonymOf(key, name), name]));
  for (const pseudonym of wanted)
    io.stdout(`${pseudonym}\t${sanitize(found.get(pseudonym) ?? "(none of these names)")}\n`);
}

/** Also of an owner's key: `user:p-…`. */
function bare(text: string): string {
  const pseudonym = text.slice(text.lastIndexOf(":") + 1);
  if (PSEUDONYM.test(pseudonym)) return pseudonym;
  throw new AssayError("cli/usage", `"${sanitize(text, 60)}" is no pseudonym`, {
    place: "whois",
    hint: "they look like p-3f2a9c4d5e6g7h2i: p- and 16 letters or digits",
  });
}

function keyOf(stateDir: string | undefined, io: CommandIo): Buffer {
  const path = pseudonymKeyPath(stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0));
  try {
    return readPseudonymKey(path);
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw new AssayError("config/not-found", "the key of the pseudonyms cannot be read", {
      place: path,
      hint: "it is there where privacy.users is pseudonym, for the daemon's user alone",
      cause,
    });
  }
}

/** Each name, and each number as it stands where an account has no name. */
function namesIn(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (cause) {
    throw new AssayError("config/not-found", "the names to try cannot be read", {
      place: sanitize(path),
      cause,
    });
  }
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid = ""] = line.trim().split(":");
    return [name, ...(uid === "" ? [] : [`uid:${uid}`])].filter((each) => each !== "");
  });
}
