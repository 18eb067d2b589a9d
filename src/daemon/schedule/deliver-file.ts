import { randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "../../model/errors.ts";

const MAX_SAME_NAME = 99;

/**
 * Puts a report into a directory, whole or not at all, and over nothing: a file of that name with the
 * same content counts as this one, and beside another content it gets a number (`…-2.csv`).
 * @returns its path
 * @throws AssayError report/cannot-write; nothing is left behind then
 */
export async function deliverFile(
  directory: string,
  stem: string,
  extension: string,
  content: string | Uint8Array,
): Promise<string> {
  const unfinished = join(directory, `.${stem}.${randomUUID()}.unfinished`);
  try {
    await writeWhole(unfinished, content);
    const path = await named(unfinished, directory, stem, extension, Buffer.from(content));
    await syncDirectory(directory);
    return path;
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw new AssayError("report/cannot-write", reasonOf(cause), {
      place: directory,
      hint: "the directory must be there, and the daemon's user must be able to write it",
      cause,
    });
  } finally {
    await rm(unfinished, { force: true }).catch(() => undefined);
  }
}

async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o640);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function named(
  unfinished: string,
  directory: string,
  stem: string,
  extension: string,
  content: Buffer,
): Promise<string> {
  for (let number = 1; number <= MAX_SAME_NAME; number++) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    const path = join(directory, `${name}.${extension}`);
    const there = await contentOf(path);
    if (there?.equals(content)) return path;
    if (there === undefined && (await take(unfinished, path))) return path;
  }
  throw new AssayError("report/cannot-write", `there are ${MAX_SAME_NAME} others of that name`, {
    place: join(directory, `${stem}.${extension}`),
    hint: "move them away",
  });
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
}

/** A hard link is made over nothing. @returns false where somebody else took the name meanwhile */
async function take(unfinished: string, path: string): Promise<boolean> {
  try {
    await link(unfinished, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    // Some file systems have no hard links.
    if (await stat(path).catch(() => undefined)) return false;
    await rename(unfinished, path);
    return true;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "the directory is not there"],
  ["ENOTDIR", "it is no directory"],
  ["EACCES", "the directory cannot be written"],
  ["EPERM", "the directory cannot be written"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
]);

function reasonOf(error: unknown): string {
  return REASONS.get(codeOf(error)) ?? (error instanceof Error ? error.message : String(error));
}
