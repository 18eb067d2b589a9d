import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readBounded, readLink } from "../files.ts";

/** The kernel's own threads, of which the second process is the parent, show only on the host. */
const KTHREADD_PID = "2";
const DEVICE_FILE = /^\/dev\/(nvidia|dri\/|dxg|kfd)/;
/**
 * Files through which work reaches a GPU. Not those for screens (`/dev/dri/card0`), which whoever keeps
 * logins holds, too.
 */
const WORK_FILE = /^\/dev\/(?:nvidia(?:\d|ctl|-uvm|-caps)|dri\/renderD|dxg|kfd)/;
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

/** Whether a link of `/proc/PID/fd` leads to a file through which work reaches a GPU. */
export function isWorkFile(link: string): boolean {
  return WORK_FILE.test(link);
}

/**
 * Whether a process has a GPU open for work. Undefined where that may not be looked at, or where it has
 * more files open than are looked through.
 */
export function holdsGpu(procRoot: string, pid: number): boolean | undefined {
  const folder = join(procRoot, String(pid), "fd");
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const looked = names.slice(0, MAX_OPEN_FILES);
  if (looked.some((fd) => isWorkFile(readLink(join(folder, fd)) ?? ""))) return true;
  return names.length > MAX_OPEN_FILES ? undefined : false;
}

function openFiles(folder: string): string[] {
  try {
    return readdirSync(folder).slice(0, MAX_OPEN_FILES);
  } catch {
    return [];
  }
}
