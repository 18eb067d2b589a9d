import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { expect, it } from "vitest";
import { keyIdOf, nodeKey, readPublicKey } from "../../../src/ledger/chain/key.ts";
import { tempDir } from "../fixtures/make.ts";

const placeIn = (dir: string) => ({ key: join(dir, "node.key"), publicKey: join(dir, "node.pub") });

it("is made once, for its owner alone, and its public half beside it", () => {
  const place = placeIn(tempDir());
  const key = nodeKey(place);
  expect(statSync(place.key).mode & 0o777).toBe(0o600);
  expect(nodeKey(place).id).toBe(key.id);
  expect(readPublicKey(place.publicKey)).toEqual({ id: key.id, publicKey: key.publicKey });
  expect(key.id).toBe(keyIdOf(key.publicKey));
});

it("that is lost is another one, and the public half follows", () => {
  const place = placeIn(tempDir());
  const { id } = nodeKey(place);
  rmSync(place.key);
  const next = nodeKey(place);
  expect(next.id).not.toBe(id);
  expect(readPublicKey(place.publicKey).id).toBe(next.id);
});

const ecKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();

it.each([
  ["is no key", (path: string) => writeFileSync(path, "no key\n", { mode: 0o600 })],
  ["is empty", (path: string) => writeFileSync(path, "", { mode: 0o600 })],
  ["is of another kind", (path: string) => writeFileSync(path, ecKey(), { mode: 0o600 })],
  ["others can read", (path: string) => chmodSync(path, 0o640)],
])("a file that %s is refused, with a hint, and stays as it is", (_what, spoil) => {
  const place = placeIn(tempDir());
  nodeKey(place);
  rmSync(place.publicKey);
  spoil(place.key);
  const before = readFileSync(place.key);
  const refused = { code: "ledger/key", exitCode: 2, place: place.key, hint: expect.any(String) };
  expect(() => nodeKey(place)).toThrow(expect.objectContaining(refused));
  expect(readFileSync(place.key)).toEqual(before);
});
