import { readFileSync } from "node:fs";
import { AssayError } from "../model/errors.ts";
import { parseSecrets, type SigningKeys } from "./signing.ts";

/** A webhook as the configuration has it; exactly one of the two secret sources is set. */
export interface WebhookSettings {
  name: string;
  url: string;
  secretFile?: string | undefined;
  secretEnv?: string | undefined;
  /** Plain http to another host. */
  allowInsecure?: boolean | undefined;
}

/** A receiver, checked and ready to send to. */
export interface Endpoint {
  name: string;
  url: string;
  keys: SigningKeys;
}

export interface SecretSources {
  readFile: (path: string) => string;
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * Checks a webhook and reads its secrets.
 * @throws AssayError `config/invalid` for plain http to another host, a login in the URL, or a secret
 * that is missing or malformed
 */
export function createEndpoint(hook: WebhookSettings, sources: SecretSources): Endpoint {
  const place = `alert.webhooks ${hook.name}`;
  const url = URL.canParse(hook.url) ? new URL(hook.url) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol))
    throw invalid("the url is no http or https URL", place, "such as https://alerts.example.org/x");
  if (url.username !== "" || url.password !== "")
    throw invalid("the url holds a login", place, "receivers check the signature instead");
  if (url.protocol === "http:" && !isLoopback(url.hostname) && hook.allowInsecure !== true)
    throw invalid(
      "plain http to another host: anyone on the way could read the alerts",
      place,
      "use https, or set allowInsecure: true",
    );
  return { name: hook.name, url: url.href, keys: readKeys(hook, sources, place) };
}

/** Secrets from the file system and from the given environment. */
export function secretSources(env: SecretSources["env"]): SecretSources {
  return { env, readFile: (path) => readFileSync(path, "utf8") };
}

function readKeys(hook: WebhookSettings, sources: SecretSources, place: string): SigningKeys {
  const { secretFile, secretEnv } = hook;
  if (secretFile !== undefined) {
    let text: string;
    try {
      text = sources.readFile(secretFile);
    } catch (error) {
      throw new AssayError("config/invalid", `cannot read the secret file ${secretFile}`, {
        place,
        hint: "the daemon's user must be able to read it",
        cause: error,
      });
    }
    return parseSecrets(text, secretFile);
  }
  const text = secretEnv === undefined ? undefined : sources.env[secretEnv];
  if (text === undefined)
    throw invalid(
      `the variable ${secretEnv ?? ""} with the secret is not set`,
      place,
      "set it, or use secretFile",
    );
  return parseSecrets(text, `environment variable ${secretEnv}`);
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function invalid(message: string, place: string, hint: string): AssayError {
  return new AssayError("config/invalid", message, { place, hint });
}
