import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import type { LedgerOptions } from "../../src/ledger/client.ts";
import { openLedger } from "../../src/ledger/client.ts";
import { MIGRATIONS, migrate } from "../../src/ledger/migrate.ts";
import { AssayError, type ErrorCode } from "../../src/model/errors.ts";
import { builtUrl } from "../support/built.ts";
import { gpu, opened, slice, tempDir } from "./fixtures/make.ts";
import { holder } from "./fixtures/holder.ts";
import { canMount, mountTmpfs } from "./fixtures/mount.ts";

const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const workerUrl = builtUrl("ledger/worker.js");

type Opening = Pick<LedgerOptions, "stateDir" | "mode">;

/** The error of an opening that must fail. */
async function refusal(options: Opening): Promise<AssayError> {
  const error: unknown = await openLedger({ ...options, workerUrl }).then(
    async (ledger) => ledger.close(),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AssayError)) throw new Error(`opened, or failed otherwise: ${error}`);
  return error;
}

/** What every refusal must have, beside its code: exit code 2, the place, and a hint. */
const refused = (code: ErrorCode, { stateDir }: Pick<Opening, "stateDir">): object =>
  expect.objectContaining({
    code,
    exitCode: 2,
    place: expect.stringContaining(stateDir),
    hint: expect.stringMatching(/./),
  });

/** A ledger with one slice, closed. */
async function writtenDir(): Promise<string> {
  const stateDir = tempDir();
  const ledger = await opened({ stateDir });
  await ledger.append({ gpus: [gpu()], slices: [slice()] });
  await ledger.close();
  return stateDir;
}

const fileOf = (stateDir: string): string => join(stateDir, "ledger.sqlite");

describe("a new state directory", () => {
  it("and its parents are made for this user alone, as is the file", async () => {
    const stateDir = join(tempDir(), "a", "b");
    const ledger = await opened({ stateDir });
    await ledger.append({ gpus: [gpu()], slices: [slice()] });
    const mode = (path: string): number => statSync(path).mode & 0o777;
    expect(mode(stateDir)).toBe(0o700);
    for (const name of readdirSync(stateDir))
      expect([name, mode(join(stateDir, name))]).toEqual([name, 0o600]);
  });

  it("holds nothing but database, lock and key once the daemon has closed", async () => {
    const stateDir = await writtenDir();
    expect(readdirSync(stateDir).sort()).toEqual([
      "ledger.lock",
      "ledger.sqlite",
      "node.key",
      "node.pub",
    ]);
  });

  it("is not made for a reader", async () => {
    const stateDir = join(tempDir(), "none");
    expect(await refusal({ stateDir, mode: "read" })).toEqual(
      refused("ledger/missing", { stateDir }),
    );
    expect(() => statSync(stateDir)).toThrow("ENOENT");
  });
});

describe("a ledger that is there", () => {
  it("is opened again with all that was acknowledged", async () => {
    const ledger = await opened({ stateDir: await writtenDir() });
    expect(await ledger.slices(all)).toEqual([{ ...slice(), sequence: 1 }]);
  });

  it("is read beside the daemon, and shows what was appended a moment ago", async () => {
    const stateDir = tempDir();
    const writer = await opened({ stateDir });
    const reader = await opened({ stateDir, mode: "read" });
    expect(await reader.slices(all)).toEqual([]);
    await writer.append({ gpus: [gpu()], slices: [slice()] });
    expect(await reader.slices(all)).toHaveLength(1);
  });

  it("cannot be written in mode read", async () => {
    const reader = await opened({ stateDir: await writtenDir(), mode: "read" });
    await expect(reader.append({})).rejects.toMatchObject({ code: "ledger/read-only" });
    const outcome = { state: "delivered", atMs: 1 } as const;
    await expect(reader.settle("a", "b", outcome)).rejects.toMatchObject({
      code: "ledger/read-only",
    });
  });

  it("takes appends while somebody holds a snapshot open", async () => {
    const stateDir = await writtenDir();
    const ledger = await opened({ stateDir });
    const other = new Database(fileOf(stateDir), { readonly: true });
    onTestFinished(() => void other.close());
    other.exec("BEGIN");
    other.prepare("SELECT count(*) FROM slices").get();
    await ledger.append({ slices: [slice({ fromMs: 10_000 })] });
    expect(other.prepare("SELECT count(*) FROM slices").pluck().get()).toBe(1);
    expect(await ledger.slices(all)).toHaveLength(2);
  });
});

describe("a ledger that cannot be opened says why and stays as it was", () => {
  /** The codes it is refused with, and whether the file is still what it was, to the byte. */
  async function refusals(
    stateDir: string,
    modes: readonly ("read" | "write")[] = ["write", "read"],
  ): Promise<{ errors: AssayError[]; untouched: boolean }> {
    const before = readFileSync(fileOf(stateDir));
    const errors: AssayError[] = [];
    for (const mode of modes) errors.push(await refusal({ stateDir, mode }));
    return { errors, untouched: readFileSync(fileOf(stateDir)).equals(before) };
  }

  const twice = (code: ErrorCode, stateDir: string): object => ({
    errors: [refused(code, { stateDir }), refused(code, { stateDir })],
    untouched: true,
  });

  it("no SQLite file: ledger/corrupt", async () => {
    const stateDir = tempDir();
    writeFileSync(fileOf(stateDir), "not a database, whatever its name\n".repeat(300));
    expect(await refusals(stateDir)).toEqual(twice("ledger/corrupt", stateDir));
  });

  it("some other SQLite database: ledger/corrupt", async () => {
    const stateDir = tempDir();
    new Database(fileOf(stateDir)).exec("CREATE TABLE notes (text TEXT)").close();
    expect(await refusals(stateDir)).toEqual(twice("ledger/corrupt", stateDir));
  });

  it("cut short: ledger/corrupt", async () => {
    const stateDir = await writtenDir();
    truncateSync(fileOf(stateDir), statSync(fileOf(stateDir)).size - 4096);
    expect(await refusals(stateDir)).toEqual(twice("ledger/corrupt", stateDir));
  });

  it("a page overwritten: ledger/corrupt", async () => {
    const stateDir = await writtenDir();
    const bytes = readFileSync(fileOf(stateDir));
    bytes.fill(0xff, 4096 * 2, 4096 * 3);
    writeFileSync(fileOf(stateDir), bytes);
    expect(await refusals(stateDir)).toEqual(twice("ledger/corrupt", stateDir));
  });

  it("of a newer version: ledger/newer; of this version it opens", async () => {
    const stateDir = await writtenDir();
    const db = new Database(fileOf(stateDir));
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`);
    db.close();
    expect(await refusals(stateDir)).toEqual(twice("ledger/newer", stateDir));
    const again = new Database(fileOf(stateDir));
    again.pragma(`user_version = ${MIGRATIONS.length}`);
    again.close();
    expect(await (await opened({ stateDir })).slices(all)).toHaveLength(1);
  });

  it("of an older version: ledger/older for a reader, brought up to date by the daemon", async () => {
    const stateDir = tempDir();
    const db = new Database(fileOf(stateDir));
    migrate(db, "", MIGRATIONS.slice(0, 1));
    db.close();
    expect(await refusals(stateDir, ["read"])).toEqual({
      errors: [refused("ledger/older", { stateDir })],
      untouched: true,
    });
    const ledger = await opened({ stateDir });
    expect(await ledger.incidents({})).toEqual([]);
  });

  it("the state directory is a file: ledger/read-only", async () => {
    const stateDir = join(tempDir(), "file");
    writeFileSync(stateDir, "");
    expect(await refusal({ stateDir, mode: "write" })).toEqual(
      refused("ledger/read-only", { stateDir }),
    );
  });

  const isRoot = process.getuid?.() === 0;
  it.skipIf(isRoot)(
    `directory without permission${isRoot ? " (skipped: root may do everything)" : ""}`,
    async () => {
      const stateDir = join(tempDir(), "closed");
      mkdirSync(stateDir);
      writeFileSync(fileOf(stateDir), "");
      chmodSync(stateDir, 0o000);
      onTestFinished(() => chmodSync(stateDir, 0o700));
      expect(await refusal({ stateDir, mode: "read" })).toEqual(
        refused("ledger/denied", { stateDir }),
      );
      expect(await refusal({ stateDir, mode: "write" })).toEqual(
        refused("ledger/read-only", { stateDir }),
      );
    },
  );

  it.skipIf(!canMount)(
    `read-only file system${canMount ? "" : " (skipped: mounting is not allowed here)"}`,
    async () => {
      const stateDir = mountTmpfs("1m");
      const ledger = await opened({ stateDir });
      await ledger.append({ gpus: [gpu()], slices: [slice()] });
      await ledger.close();
      execFileSync("mount", ["-o", "remount,ro", stateDir]);
      expect(await refusal({ stateDir, mode: "write" })).toEqual(
        refused("ledger/read-only", { stateDir }),
      );
      const error = await refusal({ stateDir, mode: "read" });
      expect(error).toEqual(refused("ledger/read-only", { stateDir }));
      expect(error.hint).toContain("copy");
    },
  );
});

describe("two daemons on one ledger", () => {
  it("the second, in the same process, gets ledger/busy; when the first is gone, it opens", async () => {
    const stateDir = tempDir();
    const first = await opened({ stateDir });
    const error = await refusal({ stateDir, mode: "write" });
    expect(error).toEqual(refused("ledger/busy", { stateDir }));
    expect(error.message).toContain(`process ${process.pid}`);
    await first.append({ gpus: [gpu()], slices: [slice()] });
    expect(await refusal({ stateDir, mode: "write" })).toEqual(
      refused("ledger/busy", { stateDir }),
    );
    await first.close();
    await opened({ stateDir });
  });

  it("another process holds it until it is killed with SIGKILL", async () => {
    const stateDir = tempDir();
    const child = await holder(stateDir);
    const error = await refusal({ stateDir, mode: "write" });
    expect(error).toEqual(refused("ledger/busy", { stateDir }));
    expect(error.message).toContain(`process ${child.pid}`);
    expect(await (await opened({ stateDir, mode: "read" })).slices(all)).toEqual([]);
    await child.kill();
    await opened({ stateDir });
  });

  it("a lock file left behind, whatever is in it, is no lock", async () => {
    const stateDir = await writtenDir();
    expect(readdirSync(stateDir)).toContain("ledger.lock");
    await opened({ stateDir });
  });
});

describe("migrations", () => {
  it("are each whole or not at all", () => {
    const db = new Database(":memory:");
    const broken = [
      ...MIGRATIONS.slice(0, 1),
      (each: Database.Database) => {
        each.exec("CREATE TABLE half_done (x)");
        throw new Error("no");
      },
    ];
    expect(() => migrate(db, "", broken)).toThrow("no");
    expect(db.pragma("user_version", { simple: true })).toBe(1);
    expect(db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half_done'").get()).toBe(
      undefined,
    );
    migrate(db, "");
    expect(db.pragma("user_version", { simple: true })).toBe(MIGRATIONS.length);
    db.close();
  });

  it("are not run twice", () => {
    const db = new Database(":memory:");
    migrate(db, "");
    expect(() => migrate(db, "")).not.toThrow();
    db.close();
  });
});
