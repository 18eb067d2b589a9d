import { constants, type Stats } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../socket.ts";

/*
 * What says whose a GPU is moves blame. So only files are believed that nobody but root, or the
 * agent's own user, can have written, in folders of which the same holds.
 */

const MAX_FILE_BYTES = 64 * 1024;
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/** Why a folder cannot be believed; undefined where it can. @throws Error with a code where it is not there */
export async function folderFault(path: string): Promise<string | undefined> {
  const real = await realpath(path);
  const found = await stat(real);
  if (!found.isDirectory()) return `${path} is no folder`;
  const fault = ownershipFault(found);
  if (fault !== undefined) return `${path} ${fault}`;
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    const above = await stat(folder);
    // Like /tmp: what is in there can be replaced by its owner alone.
    const isSticky = (above.mode & STICKY) !== 0;
    const aboveFault = isSticky ? undefined : ownershipFault(above);
    if (aboveFault !== undefined) return `${folder}, above ${path}, ${aboveFault}`;
    if (folder === dirname(folder)) return undefined;
  }
}

function ownershipFault({ uid, mode }: Stats): string | undefined {
  if (uid !== 0 && uid !== process.geteuid?.()) return `belongs to user ${uid}, not to root`;
  return (mode & OTHERS_MAY_WRITE) === 0 ? undefined : "may be written by others than its owner";
}

/** A file's text, or why it is not believed. `gone` where it has vanished since it was listed. */
export type FileReading =
  | { status: "read"; text: string; changedAtMs: number }
  | { status: "refused"; reason: string }
  | { status: "gone" };

/** Reads a plain file of at most 64 KiB. Neither a link nor a pipe holds it up or leads it astray. */
export async function readTrusted(path: string): Promise<FileReading> {
  // Without O_NONBLOCK a pipe that nobody writes to would be waited for.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let file: FileHandle | undefined;
  try {
    file = await open(path, flags);
    const found = await file.stat();
    if (!found.isFile()) return { status: "refused", reason: "is no plain file" };
    const fault = ownershipFault(found);
    if (fault !== undefined) return { status: "refused", reason: fault };
    if (found.size > MAX_FILE_BYTES) return { status: "refused", reason: "is too long" };
    const bytes = Buffer.alloc(found.size);
    const { bytesRead } = await file.read(bytes, 0, found.size, 0);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, bytesRead));
    return { status: "read", text, changedAtMs: found.mtimeMs };
  } catch (error) {
    return readFailure(error);
  } finally {
    await file?.close();
  }
}

function readFailure(error: unknown): FileReading {
  switch (codeOf(error)) {
    case "ENOENT":
      return { status: "gone" };
    case "ELOOP":
      return { status: "refused", reason: "is a link" };
    case "ENXIO":
    case "EISDIR":
      return { status: "refused", reason: "is no plain file" };
    case "EACCES":
    case "EPERM":
      return { status: "refused", reason: "may not be read by the agent's user" };
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return { status: "refused", reason: "is not UTF-8" };
    default:
      return { status: "refused", reason: error instanceof Error ? error.message : "failed" };
  }
}
