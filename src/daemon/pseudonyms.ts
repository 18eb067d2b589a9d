import { createHmac, randomBytes } from "node:crypto";
import { existsSync, linkSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { randomUUID } from "node:crypto";
import type { NameOf } from "../attribute/names.ts";
import { makeFolder } from "../ledger/folder.ts";
import { setNewest } from "../model/recent.ts";
import { AssayError } from "../model/errors.ts";
import { syncFolder, writeDurably } from "./durable.ts";

const KEY_FILE = "pseudonym.key";
const KEY_BYTES = 32;
const KEY = /^[0-9a-f]{64}\n?$/;
/** 80 bits: two names of one machine never meet. */
const PSEUDONYM_LENGTH = 16;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const MAX_REMEMBERED = 8192;

export const PSEUDONYM = /^p-[a-z2-7]{16}$/;

export function pseudonymKeyPath(stateDir: string): string {
  return join(stateDir, KEY_FILE);
}

/**
 * The key that pseudonyms are made with: who has it can find the name of a pseudonym by trying names,
 * and nobody else. Made on first use.
 * @throws AssayError config/invalid where the file is no key, ledger/io where it cannot be read or made
 */
export function openPseudonymKey(stateDir: string): Buffer {
  const path = pseudonymKeyPath(stateDir);
  try {
    if (!existsSync(path)) makeKey(path);
    return readPseudonymKey(path);
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw new AssayError("ledger/io", "the key of the pseudonyms cannot be read or made", {
      place: path,
      cause,
    });
  }
}

/** @throws AssayError config/invalid for what is no key; Error of the file system */
export function readPseudonymKey(path: string): Buffer {
  const text = readFileSync(path, "utf8");
  if (KEY.test(text)) return Buffer.from(text.trim(), "hex");
  throw new AssayError("config/invalid", "the file does not hold the key of the pseudonyms", {
    place: path,
    hint: "restore it from a copy: with another key everybody would be somebody new",
  });
}

/** Whole or not at all; of two that are made at once, the first counts. */
function makeKey(path: string): void {
  const folder = dirname(path);
  makeFolder(folder, 0o700);
  const unfinished = `${path}.${randomUUID()}`;
  try {
    writeDurably(unfinished, `${randomBytes(KEY_BYTES).toString("hex")}\n`, 0o600);
    linkSync(unfinished, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
  syncFolder(folder);
}

/** `p-` and 80 bits of HMAC-SHA256(key, name) in base 32: the same for a name as long as the key is. */
export function pseudonymOf(key: Uint8Array, name: string): string {
  const digest = createHmac("sha256", key).update(name, "utf8").digest();
  let bits = BigInt(`0x${digest.subarray(0, (PSEUDONYM_LENGTH * 5) / 8).toString("hex")}`);
  let text = "";
  for (let i = 0; i < PSEUDONYM_LENGTH; i++) {
    text = `${BASE32[Number(bits & 31n)] ?? ""}${text}`;
    bits >>= 5n;
  }
  return `p-${text}`;
}

/** Everybody's pseudonym; those of `plain`, and the number 0, keep their names. */
export function pseudonyms(key: Uint8Array, plain: readonly string[]): NameOf {
  const keeps = new Set([...plain, "uid:0"]);
  const known = new Map<string, string>();
  return (name) => {
    if (name === "" || keeps.has(name)) return name;
    const found = known.get(name) ?? pseudonymOf(key, name);
    setNewest(known, name, found, MAX_REMEMBERED);
    return found;
  };
}
