import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openLedger } from "../../src/ledger/client.ts";
import type { Ledger, LedgerBatch } from "../../src/ledger/contract.ts";
import { AssayError } from "../../src/model/errors.ts";
import { builtUrl } from "../support/built.ts";
import { gpu, opened, slice, tempDir } from "./fixtures/make.ts";
import { canMount, mountTmpfs } from "./fixtures/mount.ts";

const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const unlessMounting = canMount ? "" : " (skipped: mounting is not allowed here)";
const workerUrl = builtUrl("ledger/worker.js");

/** Batch `n`: a window whose evidence is its own, so that each takes some 4 KiB. */
function batch(n: number): LedgerBatch {
  const text = `${n} `.repeat(1000);
  const evidence = [{ family: "host", feature: "n", text, weights: {} } as const];
  return { gpus: [gpu()], slices: [slice({ fromMs: n * 10_000, evidence })] };
}

/** Appends until it fails. @returns how many were acknowledged, and the error */
async function fill(ledger: Ledger, from: number = 0): Promise<{ count: number; error: unknown }> {
  for (let n = from; n < 10_000; n++) {
    try {
      await ledger.append(batch(n));
    } catch (error) {
      return { count: n, error };
    }
  }
  throw new Error("it never became full");
}

describe("a size limit", () => {
  const maxBytes = 512 * 1024;

  it("fails the batch that does not fit with ledger/full; all before it stays", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir, maxBytes });
    const { count, error } = await fill(ledger);
    expect(error).toMatchObject({ code: "ledger/full", exitCode: 2 });
    expect(count).toBeGreaterThan(10);
    expect(await ledger.slices(all)).toHaveLength(count);
    await ledger.close();
    const file = join(stateDir, "ledger.sqlite");
    expect(statSync(file).size).toBeLessThanOrEqual(maxBytes);
    const db = new Database(file, { readonly: true });
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    db.close();
  });

  it("makes opening fail once it is reached; with more room it goes on", async () => {
    const stateDir = tempDir();
    const first = await opened({ stateDir, maxBytes });
    const { count } = await fill(first);
    await first.close();
    const small = { stateDir, mode: "write", maxBytes: maxBytes / 2, workerUrl } as const;
    await expect(openLedger(small)).rejects.toMatchObject({ code: "ledger/full", exitCode: 2 });
    const second = await opened({ stateDir, maxBytes: 2 * maxBytes });
    expect((await fill(second, count)).count).toBeGreaterThan(count);
  });

  it("does not keep anybody from reading", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir, maxBytes });
    const { count } = await fill(ledger);
    const reader = await opened({ stateDir, mode: "read" });
    expect(await reader.slices(all)).toHaveLength(count);
  });
});

describe.skipIf(!canMount)(`a disk of 1 MiB${unlessMounting}`, () => {
  it("fails appends with ledger/full, keeps the rest, and goes on when there is room", async () => {
    const dir = mountTmpfs("1m");
    const ballast = join(dir, "ballast");
    execFileSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=1k", "count=300"], {
      stdio: "ignore",
    });
    const ledger = await opened({ stateDir: join(dir, "state") });
    const { count, error } = await fill(ledger);
    expect(error).toBeInstanceOf(AssayError);
    expect(error).toMatchObject({ code: "ledger/full" });
    expect(await ledger.slices(all)).toHaveLength(count);
    await expect(ledger.append(batch(count))).rejects.toMatchObject({ code: "ledger/full" });
    rmSync(ballast);
    await ledger.append(batch(count));
    expect(await ledger.slices(all)).toHaveLength(count + 1);
    await ledger.close();
  });

  it("already full: opening fails with ledger/full, whether a ledger is there or not", async () => {
    const dir = mountTmpfs("1m");
    const there = await opened({ stateDir: join(dir, "there") });
    await there.append(batch(0));
    await there.close();
    stuff(join(dir, "ballast"));
    for (const name of ["there", "new"]) {
      const options = { stateDir: join(dir, name), mode: "write", workerUrl } as const;
      await expect(openLedger(options)).rejects.toMatchObject({ code: "ledger/full", exitCode: 2 });
    }
    rmSync(join(dir, "ballast"));
    const again = await opened({ stateDir: join(dir, "there") });
    expect(await again.slices(all)).toHaveLength(1);
    await again.close();
  });
});

/** Writes until not one byte fits. */
function stuff(path: string): void {
  const file = openSync(path, "w");
  try {
    for (let size = 64 * 1024; size >= 1;) {
      try {
        writeSync(file, Buffer.alloc(size));
      } catch {
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}
