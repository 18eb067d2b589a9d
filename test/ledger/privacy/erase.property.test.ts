import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAppend } from "../../../src/ledger/append.ts";
import { verifyLedger } from "../../../src/ledger/chain/verify.ts";
import type { UsageRow } from "../../../src/ledger/contract.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { BatchRejected } from "../../../src/ledger/rejected.ts";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { batchOf, erasure, ofOwner } from "./records-of.ts";

const USERS = ["alicezx", "alicezx-dev", "bobyzx", "svc.alicezx", "carolzx9", "Ünalzx"] as const;

function usageOf(db: Database.Database): UsageRow[] {
  return usage(db, [0, 1e12]).flatMap(({ rows }) => rows);
}

const withOwner = (rows: readonly UsageRow[], is: (key: string) => boolean): string[] =>
  rows
    .filter(({ ownerKey }) => is(ownerKey))
    .map((row) => JSON.stringify(Object.entries(row).sort()))
    .sort();

function problemOf(db: Database.Database): string | undefined {
  const verification = verifyLedger({ db, place: ":memory:" });
  for (;;) {
    const { done, value } = verification.next();
    if (done) return value.problem && JSON.stringify(value.problem);
  }
}

/** Whether a key is of that user, and not of one whose name has his in it. */
const isOf = (user: string) => {
  const own = new Set([`user:${user}`, `job:slurm:${user}/4711`]);
  return (key: string): boolean => own.has(key.replace(/^idle:/, ""));
};

describe("whoever is erased, of whatever was written", () => {
  it("sums stay, the name is nowhere, others are as they were, the chain verifies", () => {
    const batches = fc.array(fc.constantFrom(...USERS), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(batches, fc.constantFrom(...USERS), fc.nat(5), (users, erased, deviceCount) => {
        const db = new Database(":memory:");
        try {
          db.pragma("secure_delete = ON"); // as store.ts opens it
          migrate(db, ":memory:");
          const append = createAppend(db);
          for (const [i, user] of users.entries()) {
            const { outbox: _, ...batch } = batchOf(
              user,
              `GPU-${i % (deviceCount + 1)}`,
              i * 10_000,
            );
            append(batch);
          }
          const before = usageOf(db);
          const act = erasure(ofOwner(`user:${erased}`));
          if (!users.includes(erased)) {
            expect(() => append({ acts: [act] })).toThrow(BatchRejected);
            expect(usageOf(db)).toEqual(before);
            return;
          }
          append({ acts: [act] });
          const after = usageOf(db);
          const isHis = isOf(erased);
          const isErased = (key: string): boolean => /(?:^|:)erased-\d+(?:\/|$)/.test(key);
          const tag = /erased-\d+/.exec(after.map(({ ownerKey }) => ownerKey).join(" "))?.[0] ?? "";
          expect(withOwner(after, (key) => !isErased(key))).toEqual(
            withOwner(before, (key) => !isHis(key)),
          );
          expect(
            withOwner(after, isErased)
              .map((row) => row.replaceAll(tag, erased))
              .sort(),
          ).toEqual(withOwner(before, isHis));
          const whole = db.serialize();
          const others = USERS.filter((user) => user !== erased && user.includes(erased));
          if (!others.some((user) => users.includes(user)))
            expect(whole.includes(Buffer.from(erased))).toBe(false);
          expect(problemOf(db)).toBeUndefined();
          expect(() => append({ acts: [{ ...act, id: "again" }] })).toThrow(
            /nothing of that owner/,
          );
        } finally {
          db.close();
        }
      }),
      { numRuns: 25 },
    );
  });

  it("by hand, without an act, it is found", () => {
    const db = new Database(":memory:");
    migrate(db, ":memory:");
    createAppend(db)({ ...batchOf("alicezx"), outbox: [] });
    expect(problemOf(db)).toBeUndefined();
    db.exec(
      "UPDATE owners SET key = 'user:x', ident = 'x', salt = NULL, erased = 1 WHERE key = 'user:alicezx'",
    );
    expect(problemOf(db)).toContain("no erasure names it");
    db.close();
  });
});
