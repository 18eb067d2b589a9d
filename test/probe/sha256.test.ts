import { createHash } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  digestValue,
  GENESIS_HEADER,
  GENESIS_NONCE,
  sha256d,
  targetOf,
} from "../../src/probe/kernels/block-header.ts";
import { withNonce } from "../../src/probe/kernels/nonce-search.ts";
import { SHA256D } from "../../src/probe/kernels/sha256d.ts";
import { sha256State } from "../../src/probe/kernels/sha256-midstate.ts";

/** FIPS 180-4, 5.1.1: a one bit, zeros, the length in bits. */
function pad(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array((Math.floor((message.length + 8) / 64) + 1) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  new DataView(padded.buffer).setUint32(padded.length - 4, message.length * 8);
  return padded;
}

const hex = (state: Uint32Array): string =>
  [...state].map((word) => word.toString(16).padStart(8, "0")).join("");

describe("the state after whole blocks", () => {
  test.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ])("of the padded message %j is its published digest", (message, digest) => {
    expect(hex(sha256State(pad(Buffer.from(message))))).toBe(digest);
  });

  test("of any padded message is the digest of node:crypto and of @noble/hashes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        const state = hex(sha256State(pad(message)));
        expect(state).toBe(createHash("sha256").update(message).digest("hex"));
        expect(state).toBe(Buffer.from(sha256(message)).toString("hex"));
      }),
    );
  });
});

test("another nonce is written into a copy, also of a Buffer", () => {
  const header = Buffer.alloc(80, 7);
  const changed = withNonce(SHA256D, header, 0x01020304);
  expect([...changed.subarray(74)]).toEqual([7, 7, 4, 3, 2, 1]);
  expect(header.every((byte) => byte === 7)).toBe(true);
});

describe("the genesis block's header", () => {
  test("has its published hash", () => {
    expect(digestValue(sha256d(GENESIS_HEADER)).toString(16)).toBe(
      "19d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    );
  });

  test("meets its own target with its own nonce and not with the next", () => {
    const target = targetOf(GENESIS_HEADER);
    expect(target).toBe(0xffffn << 208n);
    expect(withNonce(SHA256D, GENESIS_HEADER, GENESIS_NONCE)).toEqual(GENESIS_HEADER);
    expect(digestValue(sha256d(GENESIS_HEADER)) <= target).toBe(true);
    const next = withNonce(SHA256D, GENESIS_HEADER, GENESIS_NONCE + 1);
    expect(digestValue(sha256d(next)) <= target).toBe(false);
  });
});
