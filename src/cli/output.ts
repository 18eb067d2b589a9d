import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AssayError } from "../model/errors.ts";
import type { CommandIo } from "./io.ts";

/** Where a command's result goes. */
export interface OutputTarget {
  /** A file, or `-` for standard output; standard output where absent. */
  out?: string | undefined;
  /** An existing file is replaced. */
  force?: boolean | undefined;
}

/**
 * Hands a result out. A file is there whole or not at all, and outlives a power cut.
 * @throws AssayError report/cannot-write
 */
export function putOut(
  result: string | Uint8Array,
  { out, force = false }: OutputTarget,
  io: CommandIo,
): void {
  if (out !== undefined && out !== "-") writeWhole(out, result, force, io.nowMs());
  else if (typeof result === "string") io.stdout(result);
  else bytesOut(result, out, io);
}

/** Bytes go where nobody reads them by eye. */
function bytesOut(bytes: Uint8Array, out: string | undefined, io: CommandIo): void {
  const isForPipe = out === "-" && io.stdoutBytes && io.isTerminal !== true;
  if (!isForPipe)
    throw new AssayError("report/cannot-write", "This format is no text.", {
      place: "standard output",
      hint: "name a file with --out FILE, or pipe it on with --out -",
    });
  io.stdoutBytes?.(bytes);
}

function writeWhole(
  path: string,
  result: string | Uint8Array,
  force: boolean,
  nowMs: number,
): void {
  const beside = join(dirname(path), `.${process.pid}-${nowMs.toString(36)}.partial`);
  try {
    refuseSpecial(path, force);
    writeSynced(beside, result);
    if (force || !linked(beside, path)) renameSync(beside, path);
    syncFolder(dirname(path));
  } catch (cause) {
    throw cause instanceof AssayError ? cause : cannotWrite(path, cause);
  } finally {
    discard(beside);
  }
}

/**
 * A link fails where somebody made the file meanwhile; a rename would replace it.
 * @returns false where the file system knows no links
 */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (NO_LINKS.has(String(Reflect.get(Object(error), "code")))) return false;
    throw error;
  }
}

const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

function refuseSpecial(path: string, force: boolean): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile())
    throw new AssayError("report/cannot-write", "That is no plain file.", {
      place: path,
      hint: "name a file, or - for standard output",
    });
  if (existsSync(path) && !force) throw thereAlready(path);
}

/** Where the folder is none there is nothing to discard. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // What went wrong with the file itself is told.
  }
}

function writeSynced(path: string, result: string | Uint8Array): void {
  const bytes = typeof result === "string" ? Buffer.from(result) : result;
  const file = openSync(path, "wx", 0o666);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "the directory does not exist",
  ENOTDIR: "a part of the path is no directory",
  EACCES: "this user may not write there",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  ENAMETOOLONG: "the name is too long",
};

function cannotWrite(path: string, cause: unknown): AssayError {
  const code: unknown = Reflect.get(Object(cause), "code");
  if (code === "EEXIST") return thereAlready(path);
  const why = typeof code === "string" ? (WHY[code] ?? code) : "the write failed";
  return new AssayError("report/cannot-write", "The report cannot be written.", {
    place: path,
    hint: why,
    cause,
  });
}

function thereAlready(path: string): AssayError {
  return new AssayError("report/cannot-write", "The file is there already.", {
    place: path,
    hint: "name another file, or replace it with --force",
  });
}
