import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readBounded, readLink } from "../files.ts";

/** The kernel's own threads, of which the second process is the parent, show only on the host. */
const KTHREADD_PID = "2";
const DEVICE_FILE = /^\/dev\/(nvidia|dri\/|dxg|kfd)/;
/** A process with more open files than this is not searched to the end. */
const MAX_OPEN_FILES = 4096;

/**
 * Whether the tree shows the processes of the host, by the numbers the host gives them. A container
 * without the host's PID namespace has numbers of its own: there a driver's pid may be nobody, or,
 * worse, somebody else.
 */
export function showsHostProcesses(procRoot: string): boolean {
  return readBounded(join(procRoot, KTHREADD_PID, "comm"), 64)?.trim() === "kthreadd";
}

/** Whether a process has a GPU's device file open. False also where that may not be looked at. */
export function holdsDeviceFile(procRoot: string, pid: number): boolean {
  const folder = join(procRoot, String(pid), "fd");
  return openFiles(folder).some((fd) => DEVICE_FILE.test(readLink(join(folder, fd)) ?? ""));
}

function openFiles(folder: string): string[] {
  try {
    return readdirSync(folder).slice(0, MAX_OPEN_FILES);
  } catch {
    return [];
  }
}
