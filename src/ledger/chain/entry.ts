import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { z } from "zod";
import { CHAINED_NAMES, type ChainedName } from "./tables.ts";

/**
 * `genesis` begins a chain and holds a random number, so that no two ledgers have a hash in common.
 * `legacy` holds what was there before the ledger had a chain. A `batch` is what one transaction wrote.
 */
const KINDS = ["genesis", "legacy", "batch"] as const;
export type EntryKind = (typeof KINDS)[number];

/** First and last row of each table that an entry holds rows of: all between them, too. */
export type Ranges = Partial<Record<ChainedName, readonly [first: number, last: number]>>;

export interface Entry {
  sequence: number;
  /** Unix milliseconds of the wall clock: it may step back from one entry to the next. */
  atMs: number;
  kind: EntryKind;
  /** JSON of {@link Ranges}, as it is stored. */
  ranges: string;
  /** {@link markOf} of each record: they tell which of them is not what it was. */
  marks: Buffer;
  /** SHA-256 over the texts of all records, in their order. */
  content: Buffer;
  /** SHA-256 over the hash of the entry before and all of the above. */
  hash: Buffer;
}

export const HASH_BYTES = 32;
export const MARK_BYTES = 4;
/** What the first entry has for the hash of the one before. */
export const NO_HASH = Buffer.alloc(HASH_BYTES);

/** Any change of a single bit changes it; only the digest of all records holds against more. */
export function markOf(text: string): number {
  return crc32(text);
}

export function hashOf(previous: Uint8Array, entry: Omit<Entry, "hash">): Buffer {
  const { sequence, atMs, kind, ranges, marks, content } = entry;
  const head = JSON.stringify([sequence, atMs, kind, ranges, marks.length]);
  return createHash("sha256").update(previous).update(content).update(head).update(marks).digest();
}

/** The digest of records as they come. */
export class RecordDigest {
  readonly #hash = createHash("sha256");
  #pending = "";

  /** A call of its own for each short text would cost more than its digest. JSON has no line ends. */
  add(text: string): void {
    this.#pending += `${text}\n`;
    if (this.#pending.length > FLUSH_CHARACTERS) this.#flush();
  }

  digest(): Buffer {
    this.#flush();
    return this.#hash.digest();
  }

  #flush(): void {
    this.#hash.update(this.#pending);
    this.#pending = "";
  }
}

const FLUSH_CHARACTERS = 64 * 1024;

const row = z.int().min(1);

const rangesSchema = z.partialRecord(
  z.enum(CHAINED_NAMES),
  z.tuple([row, row]).refine(([first, last]) => first <= last),
);

/** Undefined where it is not what this program writes: only a changed ledger has that. */
export function parseRanges(text: string): Ranges | undefined {
  try {
    const parsed = rangesSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
