import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AssayError } from "../../model/errors.ts";

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "make the directory first, or name another one",
  ENOTDIR: "make the directory first, or name another one",
  EACCES: "name a place that this user may write",
  EPERM: "name a place that this user may write",
  EROFS: "name a place that can be written",
  ENOSPC: "free space there, or name another disk",
  EDQUOT: "free space there, or name another disk",
  SQLITE_FULL: "free space there, or name another disk",
  SQLITE_CANTOPEN: "name a place that this user may write",
};

export function backupFailed(message: string, place: string, hint?: string, cause?: unknown) {
  return new AssayError("backup/failed", message, { place, hint, cause });
}

/** What prevented a backup, with what a person can do about it; what is told already stays as it is. */
export function asBackupError(cause: unknown, place: string): unknown {
  if (!(cause instanceof Error) || cause instanceof AssayError) return cause;
  const code = "code" in cause ? String(cause.code) : "";
  const hint = Object.entries(HINTS).find(([known]) => code.startsWith(known))?.[1];
  return backupFailed(cause.message, place, hint ?? "nothing was left there", cause);
}

/**
 * A file that gets its name only when it is whole: until then it lies beside it under a name of its
 * own, readable by this user alone.
 */
export class BackupTarget {
  readonly partial: string;
  private readonly path: string;
  private readonly force: boolean;

  /** @throws AssayError backup/failed for a name that is taken, or that is the ledger's own */
  constructor(path: string, stateDir: string, force: boolean) {
    this.path = resolve(path);
    this.force = force;
    const folder = dirname(this.path);
    this.partial = join(
      folder,
      `.${basename(this.path)}.${randomBytes(4).toString("hex")}.partial`,
    );
    this.refuseOwn(folder, stateDir);
    this.refuseTaken();
  }

  /** Makes the empty file, so that no other user can read what comes into it. */
  open(): void {
    closeSync(openSync(this.partial, "wx", 0o600));
  }

  /** Waits for the disk, and gives the file its name. */
  finish(): void {
    chmodSync(this.partial, 0o600);
    sync(this.partial);
    if (this.force) renameSync(this.partial, this.path);
    else this.nameUnlessTaken();
    sync(dirname(this.path));
  }

  discard(): void {
    for (const suffix of ["", "-journal", "-wal", "-shm"])
      rmSync(`${this.partial}${suffix}`, { force: true });
  }

  /** A link, unlike a new name, never takes the place of a file that came meanwhile. */
  private nameUnlessTaken(): void {
    try {
      linkSync(this.partial, this.path);
    } catch (error) {
      this.refuseTaken();
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      // Not every file system has links.
      if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP") throw error;
      renameSync(this.partial, this.path);
      return;
    }
    rmSync(this.partial);
  }

  private refuseTaken(): void {
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (!found) return;
    if (!this.force)
      throw backupFailed("there is a file already", this.path, "name another one, or add --force");
    if (!found.isFile())
      throw backupFailed("this is no plain file", this.path, "name a file to write");
  }

  /** With --force the ledger itself would be replaced under the daemon that writes it. */
  private refuseOwn(folder: string, stateDir: string): void {
    const isOwn = /^(ledger\.|node\.)/.test(basename(this.path));
    if (!isOwn || !existsSync(folder) || !existsSync(stateDir)) return;
    if (realpathSync(folder) === realpathSync(stateDir))
      throw backupFailed("that is a file of the ledger itself", this.path, "name another place");
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
