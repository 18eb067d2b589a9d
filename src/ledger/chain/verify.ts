import type { Database } from "better-sqlite3";
import { z } from "zod";
import { type ActOf, actSchema } from "../acts.ts";
import { ledgerError } from "../failure.ts";
import { AnchorCheck, isGenuine } from "./anchor-check.ts";
import type { AnchorLine } from "./anchor-lines.ts";
import { NO_HASH } from "./entry.ts";
import { checkGpus } from "./gpu-check.ts";
import { endsOf, keptDigest } from "./kept.ts";
import { checkKept } from "./kept-check.ts";
import { checkSchema } from "./schema-check.ts";
import { type KeyUse, SignatureCheck } from "./signature-check.ts";
import { CHAINED_NAMES, type ChainedName, createEnds, NO_ROWS } from "./tables.ts";
import { type Problem, Tampered } from "./tampered.ts";
import { type Start, walk } from "./walk.ts";
import { WindowSums } from "./window-sums.ts";

/**
 * Something else that must hold of a whole ledger, such as what is kept beside the records.
 * @throws Tampered
 */
export type LedgerCheck = (db: Database, checkpoint: Checkpoint | undefined) => void;

export interface VerifySettings {
  db: Database;
  place: string;
  /** The key that must have signed the newest signature. */
  key?: { id: string } | undefined;
  anchors?: readonly AnchorLine[] | undefined;
  checks?: readonly LedgerCheck[] | undefined;
  /** What a removal kept of sums, as {@link keptDigest} takes it. */
  keptSums?: ((db: Database, checkpoint: Checkpoint) => Iterable<string>) | undefined;
}

/** A clock that is kept right goes back by less now and then. */
const STEP_MS = 1000;

export type Checkpoint = ActOf<"checkpoint"> & { sequence: number };

export interface Verified {
  /** The first bad record; undefined where there is none. */
  problem?: Problem | undefined;
  entries: number;
  records: Partial<Record<ChainedName, number>>;
  /** Of the first and the last entry: Unix milliseconds of the node's clock. */
  fromMs?: number | undefined;
  toMs?: number | undefined;
  head?: { sequence: number; hash: string } | undefined;
  keys: readonly KeyUse[];
  signatures: number;
  /** Entries after the last one that was signed. */
  unsigned: number;
  anchors?: { checked: number; notCheckable: number; lastSequence: number } | undefined;
  checkpoint?: Checkpoint | undefined;
  /** What is no error, and should be known. */
  notes: readonly string[];
}

/**
 * Reads a whole ledger in one transaction and says whether it is what was written. Yields every now
 * and then, so that the caller can do something else, or stop.
 * @throws AssayError ledger/corrupt where the database itself is damaged
 */
export function* verifyLedger(settings: VerifySettings): Generator<void, Verified> {
  const { db } = settings;
  db.exec("BEGIN");
  try {
    const verification = new Verification(settings);
    try {
      yield* verification.run();
    } catch (error) {
      if (!(error instanceof Tampered)) throw error;
      return verification.result(error.problem);
    }
    return verification.result();
  } finally {
    db.exec("COMMIT");
  }
}

class Verification {
  readonly #settings: VerifySettings;
  readonly #notes: string[] = [];
  readonly #records: Partial<Record<ChainedName, number>> = {};
  readonly #anchors: AnchorCheck;
  #signatures: SignatureCheck | undefined;
  #checkpoint: Checkpoint | undefined;
  #entries = 0;
  #head: Verified["head"];
  #times: { fromMs?: number; toMs?: number; back: number } = { back: 0 };

  constructor(settings: VerifySettings) {
    this.#settings = settings;
    this.#anchors = new AnchorCheck(settings.anchors ?? []);
  }

  *run(): Generator<void> {
    const { db, checks = [] } = this.#settings;
    checkSchema(db);
    const start = this.#start();
    const signatures = new SignatureCheck(db, start.sequence);
    this.#signatures = signatures;
    try {
      yield* this.#walk(start, signatures);
    } finally {
      signatures.close();
    }
    this.#refuseCutTail();
    this.#refuseForeignKeys();
    checkGpus(db);
    for (const check of checks) {
      yield;
      check(db, this.#checkpoint);
    }
    yield;
    this.#refuseDamage();
  }

  *#walk(start: Start, signatures: SignatureCheck): Generator<void> {
    const { db } = this.#settings;
    const sums = new WindowSums();
    if (start.sequence > 0) this.#passed(start.sequence, hex(start.hash));
    yield* walk({
      db,
      start,
      onRecord: (table, cells) => {
        this.#records[table] = (this.#records[table] ?? 0) + 1;
        if (table === "slices") sums.add(cells);
      },
      onEntry: ({ sequence, hash, atMs }) => {
        this.#entries += 1;
        this.#note(atMs);
        this.#passed(sequence, hex(hash));
      },
    });
    sums.finish();
    signatures.finish();
    this.#anchors.finish(this.#head?.sequence ?? 0);
  }

  result(problem?: Problem): Verified {
    const { anchors } = this.#settings;
    const { checked, notCheckable, lastSequence } = this.#anchors;
    const { fromMs, toMs, back } = this.#times;
    const clock = `the node's clock went back ${back} times between entries`;
    const signed = this.#signatures?.lastSigned ?? 0;
    return {
      problem,
      entries: this.#entries,
      records: this.#records,
      fromMs,
      toMs,
      head: this.#head,
      keys: this.#signatures?.keys ?? [],
      signatures: this.#signatures?.count ?? 0,
      unsigned: Math.max((this.#head?.sequence ?? 0) - signed, 0),
      anchors: anchors && { checked, notCheckable, lastSequence },
      checkpoint: this.#checkpoint,
      notes: back > 0 ? [...this.#notes, clock] : this.#notes,
    };
  }

  /** After the newest checkpoint, whose digest must be that of what it left. */
  #start(): Start {
    const { db, keptSums } = this.#settings;
    const checkpoint = newestCheckpoint(db);
    this.#checkpoint = checkpoint;
    if (!checkpoint) return { sequence: 0, hash: NO_HASH, ends: NO_ROWS };
    const { chainSequence, chainHash, keptDigest: digest, sequence: row } = checkpoint;
    const ends = endsOf(db, chainSequence);
    if (row <= ends.acts)
      throw new Tampered({ table: "acts", row, what: "the chain does not hold this checkpoint" });
    checkKept(db, ends);
    if (keptDigest(db, ends, keptSums?.(db, checkpoint)) !== digest)
      throw new Tampered({ table: "acts", row, what: "what this checkpoint kept was changed" });
    return { sequence: chainSequence, hash: Buffer.from(chainHash, "hex"), ends };
  }

  #passed(sequence: number, hash: string): void {
    this.#head = { sequence, hash };
    this.#signatures?.entry(sequence, hash);
    this.#anchors.entry(sequence, hash);
  }

  #note(atMs: number): void {
    const { toMs } = this.#times;
    if (toMs !== undefined && atMs <= toMs - STEP_MS) this.#times.back += 1;
    this.#times.fromMs ??= atMs;
    this.#times.toMs = atMs;
  }

  /** SQLite counts what it ever numbered: of rows that were cut off at the end it still knows. */
  #refuseCutTail(): void {
    const { db } = this.#settings;
    const counted = db.prepare<[string], number>("SELECT seq FROM sqlite_sequence WHERE name = ?");
    const ends: Record<string, number> = createEnds(db)();
    for (const table of [...CHAINED_NAMES, "chain", "signatures"]) {
      const last = counted.pluck().get(table);
      const end =
        ends[table] ?? Number(db.prepare(`SELECT max(sequence) FROM ${table}`).pluck().get());
      if (last !== undefined && last !== end)
        throw new Tampered({
          table,
          row: end + 1,
          what: `it is missing: numbers went up to ${last}`,
        });
    }
  }

  #refuseForeignKeys(): void {
    const { key, anchors = [] } = this.#settings;
    const known = this.#signatures?.publicKeys ?? new Map<string, Buffer>();
    const newest = this.#signatures?.keys.at(-1);
    if (key && newest?.keyId !== key.id) {
      const signer = newest ? `by key ${newest.keyId}` : "by no key";
      const what = `the newest signature is ${signer}, not by the key that was given, ${key.id}`;
      throw new Tampered({ table: "signatures", what });
    }
    for (const { keyId, firstEntry } of this.#signatures?.keys.slice(1) ?? [])
      this.#notes.push(`from entry ${firstEntry} on another key signed: ${keyId}`);
    for (const anchor of anchors)
      if (isGenuine(anchor, known) === false)
        this.#notes.push(
          `line ${anchor.line} of the anchors is not signed by the key that it names`,
        );
  }

  #refuseDamage(): void {
    const { db, place } = this.#settings;
    const found = String(db.pragma("integrity_check(1)", { simple: true }));
    if (found !== "ok") throw ledgerError("ledger/corrupt", found, place);
  }
}

const NEWEST_CHECKPOINT = `
  SELECT sequence, json FROM acts WHERE kind = 'checkpoint' ORDER BY sequence DESC LIMIT 1`;

const checkpointRow = z.object({
  sequence: z.int(),
  json: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(actSchema),
});

function newestCheckpoint(db: Database): Checkpoint | undefined {
  const found = db.prepare(NEWEST_CHECKPOINT).get();
  if (found === undefined) return undefined;
  const { sequence, json } = checkpointRow.parse(found);
  return json.kind === "checkpoint" ? { ...json, sequence } : undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
