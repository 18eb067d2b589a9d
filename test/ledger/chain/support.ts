import { join } from "node:path";
import Database from "better-sqlite3";
import { onTestFinished } from "vitest";
import type { Act } from "../../../src/ledger/acts.ts";
import { createAppend } from "../../../src/ledger/append.ts";
import type { AnchorLine } from "../../../src/ledger/chain/anchor-lines.ts";
import { nodeKey } from "../../../src/ledger/chain/key.ts";
import { createSigner } from "../../../src/ledger/chain/sign.ts";
import { CHAINED_NAMES } from "../../../src/ledger/chain/tables.ts";
import { verifyWhole } from "../../../src/ledger/chain/checks.ts";
import type { Verified } from "../../../src/ledger/chain/verify.ts";
import type { LedgerBatch } from "../../../src/ledger/contract.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { gpu, incident, slice, tempDir } from "../fixtures/make.ts";

/** All tables that verify speaks for. */
export const RECORD_TABLES = [...CHAINED_NAMES, "chain", "signatures"] as const;

const WINDOW_MS = 10_000;

/** A batch with a record of every kind; window `n` of two devices. */
export function richBatch(n: number): LedgerBatch {
  const fromMs = n * WINDOW_MS;
  const half = { fromMs, timeMs: WINDOW_MS / 2, idleEnergyMj: 100 };
  const owners = [
    { kind: "user", id: `alice-${n % 3}` },
    { kind: "job", id: "slurm:bob/7" },
  ] as const;
  const [first, second] = owners;
  const key = `user:${first.id}`;
  const evidence = [
    { family: "host", feature: "n", value: n, text: `batch ${n}`, weights: {} },
  ] as const;
  return {
    gpus: [gpu("GPU-a", { firstSeenMs: n, powerLimitWatts: 300.5 }), gpu("GPU-b", { index: 1 })],
    slices: [
      slice({ ...half, owner: first, evidence }),
      slice({ ...half, owner: second, energyMj: undefined, idleEnergyMj: undefined }),
      slice({ gpuUuid: "GPU-b", fromMs, owner: { kind: "idle", id: key }, confidence: n / 16 }),
    ],
    gaps: [{ node: "node-1", source: "nvml", reason: `gap ${n}`, fromMs, toMs: fromMs + 1 }],
    incidents: [incident({ id: `i-${n}`, updatedAtMs: n })],
    owners: [
      {
        node: "node-1",
        key,
        atMs: fromMs,
        owner: first,
        rule: "user",
        reason: `seen ${n}`,
        proven: { user: first.id },
        declared: {},
        conflicts: [],
      },
    ],
    processes: [
      {
        node: "node-1",
        pid: 100 + n,
        startTimeMs: fromMs,
        gpuUuids: ["GPU-a"],
        ownerKey: key,
        command: `python train.py --seed ${n}`,
        firstSeenMs: fromMs,
      },
    ],
    contexts: [{ kind: "context", atMs: fromMs, fromMs, toMs: fromMs + 5, id: `run-${n}` }],
    calibrations: [
      {
        gpuUuid: "GPU-a",
        adapter: "a",
        deviceMatch: "only-gpu",
        kernel: "hash",
        atMs: n,
        durationSeconds: 1,
        ratePerSecond: 1 + n,
        unit: "hash/s",
        software: false,
        telemetry: {},
        baseline: {},
      },
    ],
    acts: [dispute(n)],
  };
}

export function dispute(n: number): Act {
  return {
    kind: "dispute",
    id: `d-${n}`,
    atMs: n,
    by: "alice",
    reason: "not mine",
    ownerKey: "user:alice-1",
    fromMs: 0,
    toMs: WINDOW_MS,
    state: "open",
  };
}

/** A ledger with `count` rich batches, signed after each second one, without a thread. */
export interface Made {
  dir: string;
  file: string;
  db: Database.Database;
}

export function madeLedger(count: number, begin = 0): Made {
  const dir = tempDir();
  const file = join(dir, "ledger.sqlite");
  const db = connection(file);
  db.pragma("journal_mode = WAL");
  migrate(db, file);
  const signer = signerOf(db, dir);
  const append = createAppend(db, { nowMs: () => 1_800_000_000_000 });
  for (let n = begin; n < begin + count; n++) {
    append(richBatch(n));
    if (n % 2 === 1) signer.signHead();
  }
  return { dir, file, db };
}

/** A copy in memory: no test waits for the disk. */
export function inMemory({ db }: Made): Database.Database {
  // The log is a file of its own, which memory has none of.
  db.pragma("journal_mode = DELETE");
  const copy = new Database(db.serialize());
  onTestFinished(() => void copy.close());
  return copy;
}

export function signerOf(db: Database.Database, dir: string) {
  const place = { key: join(dir, "node.key"), publicKey: join(dir, "node.pub") };
  const clock = { nowMs: (): number => 1_800_000_000_001, monotonicMs: (): number => 0 };
  return createSigner(db, nodeKey(place), 0, clock);
}

function connection(file: string): Database.Database {
  const db = new Database(file);
  onTestFinished(() => void db.close());
  return db;
}

export interface Asked {
  key?: { id: string };
  anchors?: readonly AnchorLine[];
}

export function verified(db: Database.Database, asked: Asked = {}): Verified {
  const steps = verifyWhole({ db, place: "ledger.sqlite", ...asked });
  return guarded(db, () => {
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  });
}

const dropped = new WeakMap<Database.Database, { name: string; sql: string }[]>();

/** With the triggers that {@link unguarded} dropped: whoever has the file would put them back. */
export function guarded<T>(db: Database.Database, use: () => T): T {
  const triggers = dropped.get(db) ?? [];
  for (const { sql } of triggers) db.exec(sql);
  try {
    return use();
  } finally {
    for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  }
}

/** As whoever has the file can: no trigger and no check is in his way. */
export function unguarded(db: Database.Database): void {
  const triggers = db
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'",
    )
    .all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  dropped.set(db, triggers);
  db.pragma("foreign_keys = OFF");
  db.pragma("ignore_check_constraints = ON");
}
