import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { Anchors, type AnchorSettings } from "../../src/daemon/anchors.ts";
import { readAnchors } from "../../src/ledger/chain/anchor-lines.ts";
import { verified } from "../ledger/chain/support.ts";
import { gpu, opened, slice, tempDir } from "../ledger/fixtures/make.ts";

async function anchoring(over: Partial<AnchorSettings>) {
  const stateDir = tempDir();
  const ledger = await opened({ stateDir });
  const said: object[] = [];
  const log = {
    info: (fields: object) => said.push(fields),
    warn: (fields: object) => said.push(fields),
  };
  const settings = { node: "n", everyMs: 1, isLogged: true, ledger, log, nowMs: () => 5, ...over };
  return { stateDir, ledger, said, anchors: new Anchors(settings) };
}

it("tells each signed head once: to the file, the log and the webhook; and verify finds them", async () => {
  const file = join(tempDir(), "anchors.jsonl");
  const { stateDir, ledger, said, anchors } = await anchoring({ file, webhook: "w" });
  await anchors.tell();
  await anchors.tell();
  await ledger.append({ gpus: [gpu()], slices: [slice()] });
  await anchors.tell();
  const lines = readAnchors(file);
  expect(lines.map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(said).toHaveLength(2);
  const messages = await ledger.due(10, 10);
  expect(messages.map(({ type, endpoint }) => [type, endpoint])).toEqual([
    ["ledger.head", "w"],
    ["ledger.head", "w"],
  ]);
  expect(JSON.parse(messages[1]?.body ?? "")).toMatchObject({ data: { sequence: 2, node: "n" } });
  await ledger.close();
  const db = new Database(join(stateDir, "ledger.sqlite"), { readonly: true });
  expect(verified(db, { anchors: lines })).toMatchObject({
    problem: undefined,
    anchors: { checked: 2, lastSequence: 2 },
  });
  db.close();
});

it("a file that cannot be written is said once, and the line comes when it can be", async () => {
  const folder = join(tempDir(), "closed");
  const file = join(folder, "anchors.jsonl");
  const { said, anchors } = await anchoring({ file, isLogged: false });
  await anchors.tell();
  await anchors.tell();
  expect(said).toEqual([expect.objectContaining({ file })]);
  mkdirSync(folder);
  chmodSync(folder, 0o700);
  await anchors.tell();
  expect(readFileSync(file, "utf8").split("\n")).toHaveLength(2);
});
