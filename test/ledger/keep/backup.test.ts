import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { LedgerBatch } from "../../../src/ledger/contract.ts";
import { backupLedger, type BackupRequest } from "../../../src/ledger/keep/backup.ts";
import { gpu, opened, slice, tempDir } from "../fixtures/make.ts";
import { canMount, mountTmpfs } from "../fixtures/mount.ts";

const SCRIPT = fileURLToPath(new URL("../fixtures/kill-loop.mjs", import.meta.url));
const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

function batch(n: number): LedgerBatch {
  const evidence = [
    { family: "host", feature: "n", text: `${n} `.repeat(500), weights: {} } as const,
  ];
  return { gpus: [gpu()], slices: [slice({ fromMs: n * 10_000, evidence })] };
}

async function filled(batches: number): Promise<string> {
  const stateDir = tempDir();
  const ledger = await opened({ stateDir });
  for (let n = 0; n < batches; n++) await ledger.append(batch(n));
  await ledger.close();
  return stateDir;
}

function request(stateDir: string, file: string, over: Partial<BackupRequest> = {}): BackupRequest {
  return { stateDir, file, force: false, signal: new AbortController().signal, ...over };
}

/** A state directory made of nothing but the backup. */
function restored(file: string): string {
  const stateDir = tempDir();
  copyFileSync(file, join(stateDir, "ledger.sqlite"));
  return stateDir;
}

describe("a backup", () => {
  it("is one file of mode 0600 that holds all, and a ledger that goes on", async () => {
    const stateDir = await filled(20);
    const file = join(tempDir(), "copy.sqlite");
    const { bytes } = await backupLedger(request(stateDir, file));
    expect(statSync(file)).toMatchObject({ size: bytes });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, ".."))).toEqual(["copy.sqlite"]);
    const again = await opened({ stateDir: restored(file) });
    const before = await opened({ stateDir, mode: "read" });
    expect(await again.slices(all)).toEqual(await before.slices(all));
    await again.append(batch(20));
    expect(await again.slices(all)).toHaveLength(21);
  });

  it("takes what is still in the log of a daemon that runs", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    await ledger.append(batch(0));
    const file = join(tempDir(), "copy.sqlite");
    await backupLedger(request(stateDir, file));
    await ledger.append(batch(1));
    const copy = await opened({ stateDir: restored(file), mode: "read" });
    expect(await copy.slices(all)).toHaveLength(1);
    expect(await ledger.slices(all)).toHaveLength(2);
  });

  it("beside a process that writes all the time holds every batch acknowledged before, whole", async () => {
    const stateDir = tempDir();
    const child = spawn(process.execPath, [SCRIPT, stateDir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const closed = once(child, "close");
    const seen = (): number => output.split("\n").length - 2;
    while (seen() < 50) await once(child.stdout, "data");
    const copies: { file: string; acknowledged: number; later: number }[] = [];
    for (let n = 0; n < 3; n++) {
      const acknowledged = seen();
      const file = join(tempDir(), "copy.sqlite");
      await backupLedger(request(stateDir, file));
      copies.push({ file, acknowledged, later: seen() });
    }
    while (seen() <= (copies.at(-1)?.later ?? 0)) await once(child.stdout, "data");
    child.kill("SIGKILL");
    await closed;
    for (const { file, acknowledged } of copies) {
      const db = new Database(file, { readonly: true });
      const windows = db
        .prepare<[], number>("SELECT count(*) FROM slices GROUP BY from_ms")
        .pluck()
        .all();
      expect(windows.length).toBeGreaterThanOrEqual(acknowledged);
      expect(new Set(windows)).toEqual(new Set([4]));
      expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
      db.close();
    }
  });
});

describe("a backup that cannot be made leaves everything as it was:", () => {
  const refused = { code: "backup/failed", exitCode: 1, hint: expect.any(String) };

  it("a file that is there, unless it may be replaced", async () => {
    const stateDir = await filled(1);
    const file = join(tempDir(), "copy.sqlite");
    writeFileSync(file, "mine");
    await expect(backupLedger(request(stateDir, file))).rejects.toMatchObject(refused);
    expect(readFileSync(file, "utf8")).toBe("mine");
    await backupLedger(request(stateDir, file, { force: true }));
    expect(readFileSync(file).subarray(0, 6).toString()).toBe("SQLite");
  });

  it("no such directory, a directory, a link", async () => {
    const stateDir = await filled(1);
    const dir = tempDir();
    mkdirSync(join(dir, "folder"));
    symlinkSync(join(dir, "folder"), join(dir, "link"));
    for (const name of ["none/copy.sqlite", "folder", "link"])
      for (const force of [false, true])
        await expect(
          backupLedger(request(stateDir, join(dir, name), { force })),
        ).rejects.toMatchObject(refused);
    expect(readdirSync(dir).sort()).toEqual(["folder", "link"]);
    expect(readdirSync(join(dir, "folder"))).toEqual([]);
  });

  it("the ledger's own files, also by another way to the directory", async () => {
    const stateDir = await filled(3);
    const around = join(tempDir(), "around");
    symlinkSync(stateDir, around);
    const before = readFileSync(join(stateDir, "ledger.sqlite"));
    for (const dir of [stateDir, around])
      for (const name of ["ledger.sqlite", "ledger.sqlite-wal", "ledger.lock", "node.key"])
        await expect(
          backupLedger(request(stateDir, join(dir, name), { force: true })),
        ).rejects.toMatchObject(refused);
    expect(readFileSync(join(stateDir, "ledger.sqlite")).equals(before)).toBe(true);
    await backupLedger(request(stateDir, join(stateDir, "copy.sqlite")));
  });

  it("somebody asks to stop", async () => {
    const stateDir = await filled(3);
    const dir = tempDir();
    const signal = AbortSignal.abort();
    const asked = backupLedger(request(stateDir, join(dir, "copy.sqlite"), { signal }));
    await expect(asked).rejects.toMatchObject(refused);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("no ledger", async () => {
    const asked = backupLedger(request(tempDir(), join(tempDir(), "copy.sqlite")));
    await expect(asked).rejects.toMatchObject({ code: "ledger/missing" });
  });

  it.skipIf(!canMount)(
    `a disk that is too small${canMount ? "" : " (skipped: no mount)"}`,
    async () => {
      const stateDir = await filled(200);
      const dir = mountTmpfs("64k");
      const asked = backupLedger(request(stateDir, join(dir, "copy.sqlite")));
      await expect(asked).rejects.toMatchObject({
        ...refused,
        hint: expect.stringContaining("space"),
      });
      expect(readdirSync(dir)).toEqual([]);
    },
  );
});
