import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { AssayError } from "../../model/errors.ts";
import type { LedgerPlace } from "../place.ts";

/** The key that signs heads of the chain. Who has it can write another history: see docs/ledger.md. */
export interface NodeKey {
  id: string;
  privateKey: KeyObject;
  /** As SubjectPublicKeyInfo in DER. */
  publicKey: Buffer;
}

const ID_DIGITS = 32;
const PRIVATE = 0o600;
const FOR_OTHERS = 0o077;

/** The first half of the public key's SHA-256, in hex: `openssl pkey -pubin -outform DER | sha256sum`. */
export function keyIdOf(publicKey: Uint8Array): string {
  return createHash("sha256").update(publicKey).digest("hex").slice(0, ID_DIGITS);
}

/**
 * The node's key; where there is none, a new one, on disk before anything is signed with it.
 * @throws AssayError ledger/key where the file is not what this program wrote
 */
export function nodeKey(place: Pick<LedgerPlace, "key" | "publicKey">): NodeKey {
  const text = readPrivately(place.key) ?? makeKey(place.key);
  const key = parsed(text, place.key);
  const pem = createPublicKey(key.privateKey).export({ type: "spki", format: "pem" }).toString();
  if (readIfThere(place.publicKey) !== pem) replaceDurably(place.publicKey, pem);
  return key;
}

/** A public key of a file, as `STATE/node.pub`. @throws AssayError ledger/key */
export function readPublicKey(path: string): { id: string; publicKey: Buffer } {
  try {
    const key = createPublicKey(readFileSync(path));
    if (key.asymmetricKeyType !== "ed25519") throw new Error(`a key of ${key.asymmetricKeyType}`);
    const publicKey = key.export({ type: "spki", format: "der" });
    return { id: keyIdOf(publicKey), publicKey };
  } catch (cause) {
    throw new AssayError("ledger/key", "this is no Ed25519 public key that can be read", {
      place: path,
      hint: "name a copy of the node's STATE/node.pub",
      cause,
    });
  }
}

function parsed(text: string, path: string): NodeKey {
  try {
    const privateKey = createPrivateKey(text);
    if (privateKey.asymmetricKeyType !== "ed25519")
      throw new Error(`it is a key of ${privateKey.asymmetricKeyType}`);
    const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
    return { id: keyIdOf(publicKey), privateKey, publicKey };
  } catch (cause) {
    throw unusable("it holds no Ed25519 private key", path, HINT_REPLACE, cause);
  }
}

const HINT_REPLACE =
  "put the node's key back from a copy, or move the file away: a new key is made, and verify says so";

/** Undefined where there is no such file. */
function readPrivately(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw unusable(
      "it cannot be read",
      path,
      "make it readable for the daemon's user alone",
      cause,
    );
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw unusable("it is no regular file", path, HINT_REPLACE);
    if ((stat.mode & FOR_OTHERS) !== 0)
      throw unusable("others than its owner can read or write it", path, `chmod 600 ${path}`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

function makeKey(path: string): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  const text = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  replaceDurably(path, text);
  return text;
}

/** Under its own name the file is whole, or as it was: also after a loss of power. */
function replaceDurably(path: string, text: string): void {
  const unfinished = `${path}.new`;
  const file = openSync(unfinished, "w", PRIVATE);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function unusable(why: string, place: string, hint: string, cause?: unknown): AssayError {
  return new AssayError("ledger/key", `the node's signing key cannot be used: ${why}`, {
    place,
    hint,
    cause,
  });
}
