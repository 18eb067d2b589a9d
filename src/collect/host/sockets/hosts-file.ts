import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { changedAtMs, readBounded } from "../../files.ts";
import { eachLine } from "../../lines.ts";
import { parseHosts } from "./names.ts";

/** `O_PATH` of Linux: to have a file without opening it, so that a device notices nothing. */
const O_PATH = 0o10000000;
const MAX_BYTES = 256 * 1024;
const MAX_MOUNT_BYTES = 1024 ** 2;
/** Kept in memory or on a disk of this machine: reading from them never waits for anybody. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<string> = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "overlay",
  "aufs",
  "tmpfs",
  "ramfs",
  "squashfs",
  "erofs",
]);

export type HostNames = ReadonlyMap<string, string>;
const NONE: HostNames = new Map();

/** The node's own hosts file, read again when it changes. */
export class HostsFile {
  readonly #path: string;
  #changedAtMs: number | undefined;
  #names: HostNames = NONE;

  constructor(path: string) {
    this.#path = path;
  }

  names(): HostNames {
    const changed = changedAtMs(this.#path);
    if (changed !== this.#changedAtMs) {
      this.#changedAtMs = changed;
      this.#names = parseHosts(readBounded(this.#path, MAX_BYTES) ?? "");
    }
    return this.#names;
  }
}

/**
 * The hosts file as a process in a container sees it. Whoever owns the container may have put anything
 * there: it is read only where it is an ordinary file, on a file system of this machine's own, with no
 * link on the way (one would lead out of the container).
 */
export function containerHostNames(processPath: string): HostNames {
  if (!isLocal(processPath)) return NONE;
  const folder = open(join(processPath, "root", "etc"), constants.O_DIRECTORY);
  if (folder === undefined) return NONE;
  try {
    const file = open(`/proc/self/fd/${folder}/hosts`, 0);
    if (file === undefined) return NONE;
    try {
      if (!fstatSync(file).isFile()) return NONE;
      return parseHosts(readBounded(`/proc/self/fd/${file}`, MAX_BYTES) ?? "");
    } finally {
      closeSync(file);
    }
  } catch {
    return NONE;
  } finally {
    closeSync(folder);
  }
}

function open(path: string, flags: number): number | undefined {
  try {
    return openSync(path, O_PATH | constants.O_NOFOLLOW | flags);
  } catch {
    return undefined;
  }
}

/** By the mounts of the process: those that the way to `/etc/hosts` leads over. */
function isLocal(processPath: string): boolean {
  const types = new Map<string, string>();
  const read = eachLine(join(processPath, "mountinfo"), MAX_MOUNT_BYTES, (line) => {
    const [before = "", after = ""] = line.split(" - ");
    const point = before.split(" ")[4];
    const [type] = after.split(" ");
    // A later mount on the same point hides the one before.
    if (point !== undefined && type !== undefined) types.set(point, type);
  });
  if (!read?.isWhole) return false;
  const over = ["/", "/etc", "/etc/hosts"].flatMap((point) => types.get(point) ?? []);
  return over.length > 0 && over.every((type) => LOCAL_FILE_SYSTEMS.has(type));
}
