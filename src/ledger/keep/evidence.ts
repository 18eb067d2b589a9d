import type { Database } from "better-sqlite3";
import { z } from "zod";
import { allowing } from "./remove.ts";

const SLICES_A_LOOK = 200_000;
const ROWS_A_SWEEP = 100_000;

const USED = `
  SELECT DISTINCT evidence_id FROM slices
  WHERE sequence > @after AND sequence <= @to AND evidence_id <= @upTo`;
const CANDIDATES = "SELECT id FROM evidence WHERE id > @after AND id <= @upTo ORDER BY id";
const END = "SELECT coalesce(max(sequence), 0) FROM slices";

const count = z.int();

/**
 * Finds evidence that no slice rests on any more. Slices share it, and nothing leads from it to
 * them: all that are left are looked through, a part at a time, and what they rest on is marked.
 * What is written meanwhile comes after what was looked at, and is looked at before anything goes.
 */
export class EvidenceSweep {
  /** Evidence up to this row may go. */
  readonly upTo: number;
  private readonly db: Database;
  /** Of the old evidence what newer slices rest on: little of it. */
  private readonly used = new Set<number>();
  private lookedUpTo = 0;
  private sweptUpTo = 0;

  constructor(db: Database, upTo: number) {
    this.db = db;
    this.upTo = upTo;
  }

  /** Looks through some more slices. @returns whether all have been looked at */
  look(): boolean {
    const end = count.parse(this.db.prepare(END).pluck().get());
    const first = count
      .nullable()
      .parse(this.db.prepare("SELECT min(sequence) FROM slices").pluck().get());
    const after = Math.max(this.lookedUpTo, (first ?? 1) - 1);
    const to = Math.min(end, after + SLICES_A_LOOK);
    const used = this.db.prepare<object, number>(USED).pluck();
    for (const id of used.iterate({ after, to, upTo: this.upTo })) this.used.add(id);
    this.lookedUpTo = Math.max(to, this.lookedUpTo);
    return to >= end;
  }

  /**
   * Removes some of what nobody rests on; inside a transaction, when all was looked at.
   * @returns how many, and whether that was all
   */
  sweep(): { removed: number; isDone: boolean } {
    // The newest row keeps its number from being given away again.
    const newest = count.parse(
      this.db.prepare("SELECT coalesce(max(id), 0) FROM evidence").pluck().get(),
    );
    const candidates = this.db.prepare<object, number>(CANDIDATES).pluck();
    const unused: number[] = [];
    let isDone = true;
    for (const id of candidates.iterate({ after: this.sweptUpTo, upTo: this.upTo })) {
      if (this.used.has(id) || id === newest) continue;
      if (unused.length >= ROWS_A_SWEEP) {
        isDone = false;
        break;
      }
      unused.push(id);
    }
    const remove = this.db.prepare("DELETE FROM evidence WHERE id = ?");
    allowing(this.db, "evidence", this.upTo, () => unused.forEach((id) => void remove.run(id)));
    this.sweptUpTo = unused.at(-1) ?? this.sweptUpTo;
    return { removed: unused.length, isDone };
  }
}
