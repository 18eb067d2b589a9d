import { inspect } from "node:util";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { createEndpoint } from "../../src/alert/endpoint.ts";
import { parseSecrets } from "../../src/alert/signing.ts";
import { AssayError } from "../../src/model/errors.ts";
import { OLD_SECRET, SECRET } from "./receiver.ts";

const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 1).toString("base64")}`;

function errorOf(act: () => unknown): AssayError | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  return undefined;
}

describe("a signature", () => {
  test("is HMAC-SHA256 of id, timestamp and body, as two other implementations make it", () => {
    const made = parseSecrets(SECRET, "test").sign("msg_1", 1_700_000_000, '{"a":1}');
    const signed = new TextEncoder().encode('msg_1.1700000000.{"a":1}');
    const mac = hmac(sha256, new Uint8Array(Buffer.alloc(32, 7)), signed);
    expect(made).toBe(`v1,${Buffer.from(mac).toString("base64")}`);
    const when = new Date(1_700_000_000_000);
    expect(made).toBe(new Webhook(SECRET).sign("msg_1", when, '{"a":1}'));
  });

  test("is made with every secret of a rotation", () => {
    const made = parseSecrets(`${SECRET}\n${OLD_SECRET}`, "test").sign("m", 1, "");
    expect(made.split(" ")).toHaveLength(2);
  });

  test("verifies for five minutes either way, and for this id, time and body only", () => {
    const keys = parseSecrets(SECRET, "test");
    const good = {
      id: "m",
      timestampSeconds: 1000,
      body: "b",
      signature: keys.sign("m", 1000, "b"),
    };
    expect(keys.verify(good, 1_000_000)).toBe(true);
    expect(keys.verify(good, 1_300_000)).toBe(true);
    expect(keys.verify(good, 1_300_001)).toBe(false);
    expect(keys.verify(good, 699_999)).toBe(false);
    expect(keys.verify({ ...good, id: "n" }, 1_000_000)).toBe(false);
    expect(keys.verify({ ...good, body: "c" }, 1_000_000)).toBe(false);
    expect(keys.verify({ ...good, timestampSeconds: 1001 }, 1_000_000)).toBe(false);
    expect(keys.verify({ ...good, timestampSeconds: Number.NaN }, 1_000_000)).toBe(false);
    expect(keys.verify({ ...good, signature: "" }, 1_000_000)).toBe(false);
    const rotated = `v1,AAAA ${good.signature}`;
    expect(keys.verify({ ...good, signature: rotated }, 1_000_000)).toBe(true);
  });
});

describe("secrets", () => {
  test.each([24, 32, 64])("of %i bytes are taken", (bytes) => {
    expect(errorOf(() => parseSecrets(secretOf(bytes), "p"))).toBeUndefined();
  });

  test.each([
    ["23 bytes", secretOf(23)],
    ["65 bytes", secretOf(65)],
    ["nothing", " \n# only a comment\n"],
    ["no prefix", SECRET.slice("whsec_".length)],
    ["another alphabet", `whsec_${"_-".repeat(16)}`],
    ["cut base64", SECRET.slice(0, -3)],
    ["six secrets", Array(6).fill(SECRET).join("\n")],
  ])("of %s are refused, and not repeated", (_, text) => {
    const error = errorOf(() => parseSecrets(text, "/etc/secret"));
    expect(error?.code).toBe("config/invalid");
    expect(error?.place).toContain("/etc/secret");
    const tail = text.trim().slice(-12);
    if (tail.length === 12) expect(error?.report()).not.toContain(tail);
  });

  test("may have comments, blank lines and an end of line around them", () => {
    const keys = parseSecrets(`# old and new\r\n\n  ${SECRET}\r\n${OLD_SECRET}\n`, "p");
    expect(keys.sign("m", 1, "").split(" ")).toHaveLength(2);
  });

  test("show in no log, no JSON and no inspection", () => {
    const keys = parseSecrets(SECRET, "p");
    const shown = JSON.stringify({ keys }) + inspect(keys, { depth: 9, showHidden: true });
    expect(shown).toContain("[secret]");
    expect(shown).not.toMatch(/BwcH|\b7\b/);
  });
});

describe("an endpoint", () => {
  const sources = {
    env: { HOOK: SECRET },
    readFile: (path: string): string => {
      if (path === "/etc/hook") return SECRET;
      throw new Error("ENOENT");
    },
  };
  const make = (url: string, more: object = {}) =>
    createEndpoint({ name: "on-call", url, secretEnv: "HOOK", ...more }, sources);

  test.each([
    "https://alerts.example.org/x",
    "https://10.0.0.7/x",
    "http://127.0.0.1:8080/",
    "http://127.9.9.9/",
    "http://localhost/",
    "http://[::1]:1/",
  ])("at %s is taken", (url) => {
    expect(make(url).url).toContain("://");
  });

  test.each([
    "http://alerts.example.org/x",
    "http://127.0.0.1.example.org/",
    "http://localhost.example.org/",
    "http://10.0.0.7/",
    "ftp://example.org/",
    "nothing",
    "https://user:secret@example.org/",
  ])("at %s is refused", (url) => {
    const error = errorOf(() => make(url));
    expect(error?.code).toBe("config/invalid");
    expect(error?.report()).not.toContain("user:secret");
  });

  test("over plain http to another host is taken when it is allowed", () => {
    expect(make("http://10.0.0.7/", { allowInsecure: true }).url).toBe("http://10.0.0.7/");
  });

  test("reads its secret from a file or a variable, and says which is missing", () => {
    expect(make("https://x.org/", { secretFile: "/etc/hook", secretEnv: undefined }).name).toBe(
      "on-call",
    );
    const noFile = errorOf(() => make("https://x.org/", { secretFile: "/etc/none" }));
    expect(noFile?.message).toContain("/etc/none");
    const noVariable = errorOf(() => make("https://x.org/", { secretEnv: "NONE" }));
    expect(noVariable?.message).toContain("NONE");
  });
});
