import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readLink } from "../files.ts";
import { libC } from "./libc.ts";
import { isWorkFile } from "../processes/holders.ts";

/** What the open files of a process say. */
export interface Descriptors {
  holdsDevice: boolean;
  /** Inodes of its sockets. */
  sockets: number[];
  /** Links that were read. */
  looked: number;
  /** It has more than were looked through. */
  isCut: boolean;
}

/**
 * Looks through the open files of a process.
 * @param maxLinks links that are read at most
 * @returns `denied` where they may not be looked at, `gone` where the process is
 */
export function readDescriptors(
  procRoot: string,
  pid: number,
  maxLinks: number,
): Descriptors | "denied" | "gone" {
  const folder = join(procRoot, String(pid), "fd");
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOENT" || code === "ESRCH" ? "gone" : "denied";
  }
  const sockets: number[] = [];
  let holdsDevice = false;
  const looked = Math.min(names.length, maxLinks);
  eachLink(folder, names.slice(0, looked), (link) => {
    if (link.startsWith("socket:[")) sockets.push(Number(link.slice(8, -1)));
    else if (link.startsWith("/dev/")) holdsDevice ||= isWorkFile(link);
  });
  return { holdsDevice, sockets, looked, isCut: names.length > looked };
}

/** More than any device file or socket needs. */
const LINK = Buffer.allocUnsafe(256);

function eachLink(folder: string, names: readonly string[], onLink: (link: string) => void): void {
  const c = libC();
  const open = c && openFolder(folder);
  if (!c || open === undefined) {
    for (const name of names) onLink(readLink(`${folder}/${name}`) ?? "");
    return;
  }
  try {
    for (const name of names) {
      const length = c.readLink(open, name, LINK);
      if (length > 0) onLink(LINK.toString("latin1", 0, length));
    }
  } finally {
    closeSync(open);
  }
}

function openFolder(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
}
