import { createHash } from "node:crypto";
import type { Database } from "better-sqlite3";
import type { Evidence } from "../model/evidence.ts";
import { type Owner, ownerKey } from "../model/owner.ts";
import { BatchRejected } from "./rejected.ts";
import { newSeal } from "./seal.ts";

/** Ids of what repeats from slice to slice: stored once, named by number. */
export interface Interner {
  text(text: string): number;
  owner(owner: Owner): number;
  evidence(evidence: readonly Evidence[]): number;
  gpu(uuid: string): number;
  /** After a rollback: ids that were handed out may never have been stored. */
  forget(): void;
}

const MAX_REMEMBERED = 4096;

export function createInterner(db: Database): Interner {
  const remembered = new Map<string, number>();
  const recall = (key: string, find: () => number): number => {
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const id = find();
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(key, id);
    return id;
  };
  const stored = (select: string, insert: string) => {
    const [find, add] = [db.prepare(select).pluck(), db.prepare(insert)];
    return (key: string | Buffer, ...rest: (string | Buffer)[]): number =>
      Number(find.get(key) ?? add.run(key, ...rest).lastInsertRowid);
  };
  const text = stored("SELECT id FROM texts WHERE text = ?", "INSERT INTO texts (text) VALUES (?)");
  const owner = stored(
    "SELECT id FROM owners WHERE key = ?",
    "INSERT INTO owners (key, kind, ident, salt, seal) VALUES (?, ?, ?, ?, ?)",
  );
  const evidence = stored(
    "SELECT id FROM evidence WHERE digest = ?",
    "INSERT INTO evidence (digest, json, salt, seal) VALUES (?, ?, ?, ?)",
  );
  const gpu = db.prepare("SELECT id FROM gpus WHERE uuid = ?").pluck();
  return {
    text: (value) => recall(`text ${value}`, () => text(value)),
    owner(value) {
      const key = ownerKey(value);
      return recall(`owner ${key}`, () => owner(key, value.kind, value.id, ...sealed(key)));
    },
    evidence(value) {
      const json = JSON.stringify(value);
      return evidence(createHash("sha256").update(json).digest(), json, ...sealed(json));
    },
    gpu: (uuid) => recall(`gpu ${uuid}`, () => idOf(gpu.get(uuid), uuid)),
    forget: () => remembered.clear(),
  };
}

function sealed(value: string): [Buffer, Buffer] {
  const { salt, seal } = newSeal(value);
  return [salt, seal];
}

function idOf(found: unknown, uuid: string): number {
  if (typeof found === "number") return found;
  throw new BatchRejected("unknown-gpu", `nobody described ${uuid} before its first slice`);
}
