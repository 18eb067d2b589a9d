import Database from "better-sqlite3";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createAppend } from "../../src/ledger/append.ts";
import type { LedgerBatch } from "../../src/ledger/contract.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import { BatchRejected } from "../../src/ledger/rejected.ts";
import { slices } from "../../src/ledger/slice-queries.ts";
import { gpu, incident, opened, slice, tempDir } from "./fixtures/make.ts";

const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const half = { owner: { kind: "user", id: "bob" }, timeMs: 4000 } as const;

describe("a batch that keeps the laws", () => {
  it("is read back as it was, by sequence", async () => {
    const ledger = await opened();
    const parts = [slice({ timeMs: 6000 }), slice({ ...half, energyMj: undefined })];
    await ledger.append({ gpus: [gpu()], slices: parts });
    const stored = await ledger.slices(all);
    expect(stored).toEqual(parts.map((each, i) => ({ ...each, sequence: i + 1 })));
  });

  it("may hold several devices and windows, in any order", async () => {
    const ledger = await opened();
    await ledger.append({
      gpus: [gpu("GPU-a"), gpu("GPU-b", { index: 1 })],
      slices: [
        slice({ fromMs: 10_000 }),
        slice({ gpuUuid: "GPU-b", fromMs: 10_000 }),
        slice({ fromMs: 0 }),
        slice({ gpuUuid: "GPU-b", fromMs: 0 }),
      ],
    });
    expect(await ledger.lastSliceEnds()).toEqual(
      new Map([
        ["GPU-a", 20_000],
        ["GPU-b", 20_000],
      ]),
    );
    expect(await ledger.extent()).toEqual({ fromMs: 0, toMs: 20_000 });
  });

  it("numbers slices without a hole over rejected batches", async () => {
    const ledger = await opened();
    await ledger.append({ gpus: [gpu()], slices: [slice()] });
    await expect(ledger.append({ slices: [slice()] })).rejects.toThrow(BatchRejected);
    await ledger.append({ slices: [slice({ fromMs: 10_000 })] });
    expect((await ledger.slices(all)).map((each) => each.sequence)).toEqual([1, 2]);
  });

  it("is accepted where a window begins just as the last one ends, also after a hole", async () => {
    const ledger = await opened();
    await ledger.append({ gpus: [gpu()], slices: [slice()] });
    await ledger.append({ slices: [slice({ fromMs: 10_000 })] });
    await ledger.append({ slices: [slice({ fromMs: 500_000 })] });
    expect(await ledger.slices(all)).toHaveLength(3);
  });
});

describe("a batch that breaks a law is rejected, and nothing of it is kept", () => {
  const cases: [string, string, LedgerBatch][] = [
    ["slices fall short of the window", "share-law", { slices: [slice({ timeMs: 9999 })] }],
    ["slices exceed the window", "share-law", { slices: [slice({ timeMs: 10_001 })] }],
    ["identical once more", "duplicate", { slices: [slice({ fromMs: 1000, toMs: 11_000 })] }],
    [
      "same window, other content",
      "overlap",
      { slices: [slice({ fromMs: 1000, toMs: 11_000, confidence: 0.1 })] },
    ],
    ["begins a millisecond early", "overlap", { slices: [slice({ fromMs: 10_999 })] }],
    ["lies before everything", "overlap", { slices: [slice({ fromMs: 0, toMs: 1000 })] }],
    [
      "windows of the batch overlap",
      "overlap",
      { slices: [slice({ fromMs: 20_000 }), slice({ fromMs: 29_999 })] },
    ],
    ["device nobody described", "unknown-gpu", { slices: [slice({ gpuUuid: "GPU-x" })] }],
    ["time that is no whole number", "invalid", { slices: [slice({ fromMs: 20_000.5 })] }],
    ["window turned round", "invalid", { slices: [slice({ fromMs: 30_000, toMs: 20_000 })] }],
    ["negative energy", "invalid", { slices: [slice({ fromMs: 20_000, energyMj: -1 })] }],
    ["energy in fractions", "invalid", { slices: [slice({ fromMs: 20_000, energyMj: 0.5 })] }],
    ["confidence above 1", "invalid", { slices: [slice({ fromMs: 20_000, confidence: 1.01 })] }],
    [
      "a message too long",
      "invalid",
      {
        outbox: [
          { id: "m", endpoint: "e", type: "t", body: "x".repeat(1024 ** 2 + 1), createdAtMs: 0 },
        ],
      },
    ],
  ];

  it.each(cases)("%s (%s)", async (_, reason, batch) => {
    const ledger = await opened();
    const before = slice({ fromMs: 1000, toMs: 11_000 });
    await ledger.append({ gpus: [gpu()], slices: [before] });
    const refused = ledger.append({ ...batch, incidents: [incident()] });
    await expect(refused).rejects.toMatchObject({ name: "BatchRejected", reason });
    expect(await ledger.slices(all)).toEqual([{ ...before, sequence: 1 }]);
    expect(await ledger.incidents({})).toEqual([]);
    await ledger.append({ slices: [slice({ fromMs: 11_000 })], incidents: [incident()] });
    expect(await ledger.incidents({})).toHaveLength(1);
  });

  it("names first met in a batch that failed half-way are stored with the next that has them", () => {
    const db = new Database(":memory:");
    migrate(db, ":memory:");
    const append = createAppend(db);
    append({ gpus: [gpu()] });
    db.exec(`CREATE TEMP TRIGGER failing BEFORE INSERT ON gaps
      BEGIN SELECT RAISE(ABORT, 'the disk failed'); END`);
    const gaps = [{ node: "n", source: "s", reason: "r", fromMs: 0, toMs: 1 }];
    const carol = { kind: "user", id: "carol" } as const;
    expect(() => append({ slices: [slice({ owner: carol })], gaps })).toThrow("the disk failed");
    append({ slices: [slice()] });
    append({ slices: [slice({ fromMs: 10_000, owner: carol })] });
    expect(slices(db, all).map((each) => each.owner.id)).toEqual(["alice", "carol"]);
    db.close();
  });
});

describe("strings that an observed process chose", () => {
  it("never get a window rejected; long ones are cut and stay apart", async () => {
    const ledger = await opened();
    const long = "x".repeat(10_000);
    const one = { kind: "process", id: `${long}1` } as const;
    const two = { kind: "process", id: `${long}2` } as const;
    await ledger.append({
      gpus: [gpu()],
      slices: [slice({ owner: one, timeMs: 5000 }), slice({ owner: two, timeMs: 5000 })],
    });
    const [interval] = await ledger.usage([all.fromMs, all.toMs]);
    const rows = interval?.rows ?? [];
    expect(new Set(rows.map((row) => row.ownerKey)).size).toBe(2);
    for (const row of rows) expect(row.ownerKey.length).toBeLessThanOrEqual(256 + 8);
    expect(await ledger.slices({ ...all, ownerKey: `process:${long}2` })).toHaveLength(1);
  });

  it.each([["a\u0000b"], ["quote ' \" ; --"], ["\u202e"], ["🦀"], ["a:b:c"], [""]])(
    "%j is kept to the letter",
    async (id) => {
      const ledger = await opened();
      await ledger.append({ gpus: [gpu()], slices: [slice({ owner: { kind: "container", id } })] });
      expect((await ledger.slices(all))[0]?.owner.id).toBe(id);
    },
  );

  it("half a surrogate pair, which UTF-8 cannot hold, is replaced", async () => {
    const ledger = await opened();
    await ledger.append({
      gpus: [gpu()],
      slices: [slice({ owner: { kind: "user", id: "a\ud800" } })],
    });
    expect((await ledger.slices(all))[0]?.owner.id).toBe("a\ufffd");
  });

  it("reasons beyond 64 are cut, and the cut is said", async () => {
    const ledger = await opened();
    const reason = { family: "host", feature: "f", text: "t", weights: {} } as const;
    const evidence = Array.from({ length: 100 }, () => reason);
    await ledger.append({ gpus: [gpu()], slices: [slice({ evidence })] });
    const kept = (await ledger.slices(all))[0]?.evidence ?? [];
    expect(kept).toHaveLength(64);
    expect(kept.at(-1)?.text).toBe("37 more reasons were not kept");
  });
});

describe("what was written", () => {
  it.each(["slices", "owners", "texts", "evidence", "gaps", "calibrations", "incident_states"])(
    "cannot be changed or removed through SQL: %s",
    async (table) => {
      const stateDir = tempDir();
      const ledger = await opened({ stateDir });
      await ledger.append({
        gpus: [gpu()],
        slices: [slice()],
        incidents: [incident()],
        gaps: [{ node: "n", source: "s", reason: "r", fromMs: 0, toMs: 1 }],
        calibrations: [
          {
            gpuUuid: "GPU-a",
            adapter: "a",
            deviceMatch: "only-gpu",
            kernel: "hash",
            atMs: 1,
            durationSeconds: 1,
            ratePerSecond: 1,
            unit: "hash/s",
            software: false,
            telemetry: { powerWatts: 300 },
            baseline: {},
          },
        ],
      });
      await ledger.close();
      const db = new Database(join(stateDir, "ledger.sqlite"));
      const count = db.prepare(`SELECT count(*) FROM ${table}`).pluck();
      expect(count.get()).toBeGreaterThan(0);
      const column = String(db.prepare(`SELECT name FROM pragma_table_info(?)`).pluck().get(table));
      expect(() => db.exec(`UPDATE ${table} SET ${column} = ${column}`)).toThrow(/append-only/);
      expect(() => db.exec(`DELETE FROM ${table}`)).toThrow(/append-only/);
      expect(() => db.exec(`REPLACE INTO ${table} SELECT * FROM ${table}`)).toThrow(/append-only/);
      db.close();
    },
  );
});
