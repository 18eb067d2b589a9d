import { closeSync, fchownSync, fsyncSync, openSync, type Stats, writeSync } from "node:fs";

/**
 * Writes a new file and waits for the disk: what comes after may rely on it.
 * @param owner gets the file, where it is not to be the writer's
 * @throws what the file system says; also where a file of that name is there
 */
export function writeDurably(
  path: string,
  text: string,
  mode: number,
  owner?: Pick<Stats, "uid" | "gid">,
): void {
  const file = openSync(path, "wx", mode);
  try {
    writeSync(file, text);
    if (owner) fchownSync(file, owner.uid, owner.gid);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Waits until a folder's new names are on the disk. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
