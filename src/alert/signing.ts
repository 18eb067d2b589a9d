import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { AssayError } from "../model/errors.ts";

const PREFIX = "whsec_";
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
/** During a rotation a receiver knows the old or the new secret; more than a few is a mistake. */
const MAX_SECRETS = 5;
/** Standard Webhooks: messages older or newer than this are refused as replays. */
const TOLERANCE_MS = 300_000;

/** The keys of one endpoint. They cannot be printed: neither logs nor JSON nor inspection show them. */
export class SigningKeys {
  readonly #keys: readonly Uint8Array[];

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
  }

  /** `v1,` signatures of `id.timestamp.body`, one for each key, separated by spaces. */
  sign(id: string, timestampSeconds: number, body: string): string {
    const signed = `${id}.${timestampSeconds}.${body}`;
    return this.#keys
      .map((key) => `v1,${createHmac("sha256", key).update(signed).digest("base64")}`)
      .join(" ");
  }

  /** Whether any `v1` signature of the header was made with any of the keys, just now. */
  verify(
    message: { id: string; timestampSeconds: number; body: string; signature: string },
    nowMs: number,
  ): boolean {
    const ageMs = Math.abs(nowMs - message.timestampSeconds * 1000);
    if (!(ageMs <= TOLERANCE_MS)) return false;
    const expected = this.sign(message.id, message.timestampSeconds, message.body).split(" ");
    const given = message.signature.split(" ").slice(0, MAX_SECRETS * 2);
    return given.some((one) => expected.some((other) => equalTexts(one, other)));
  }

  toJSON(): string {
    return "[secret]";
  }
}

/**
 * Reads secrets as a file or variable holds them: `whsec_` and base64 of 24 to 64 bytes, apart by
 * white space; lines that begin with # are skipped. All sign, so a rotation loses nothing.
 * @param place where the text came from: the only thing an error says of it
 * @throws AssayError `config/invalid`, which never repeats the text
 */
export function parseSecrets(text: string, place: string): SigningKeys {
  const lines = text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => line.split(/\s+/))
    .filter((line) => line !== "");
  if (lines.length === 0) throw badSecret("there is no secret", place);
  if (lines.length > MAX_SECRETS)
    throw badSecret(`${lines.length} secrets, more than ${MAX_SECRETS}`, place);
  return new SigningKeys(lines.map((line, index) => keyOf(line, `${place}, secret ${index + 1}`)));
}

function keyOf(line: string, place: string): Uint8Array {
  if (!line.startsWith(PREFIX)) throw badSecret(`a secret does not begin with ${PREFIX}`, place);
  const base64 = line.slice(PREFIX.length);
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw badSecret("a secret is not base64", place);
  const key = new Uint8Array(Buffer.from(base64, "base64"));
  if (key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES)
    throw badSecret(`a secret has ${key.length} bytes`, place);
  return key;
}

function badSecret(problem: string, place: string): AssayError {
  return new AssayError("config/invalid", `webhook secret: ${problem}`, {
    place,
    hint: `a secret is ${PREFIX} and the base64 of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} random bytes, as in: echo "${PREFIX}$(openssl rand -base64 32)"`,
  });
}

/** Equal in constant time, whatever the lengths. */
function equalTexts(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Short stable text for incident ids: 20 hexadecimal digits of SHA-256. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 20);
}
