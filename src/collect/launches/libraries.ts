import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { type ElfFile, exportedFunctions, readElf } from "./elf.ts";
import {
  type EntryPoint,
  type LibraryKind,
  libraryKind,
  type NamingPoint,
} from "./entry-points.ts";
import { type FileMapping, parseMaps } from "./maps.ts";

/** A library that is mapped by some of the processes, held open so that nothing can take its place. */
export interface OpenLibrary {
  kind: LibraryKind;
  handle: FileHandle;
  entries: readonly EntryPoint[];
  names: readonly NamingPoint[];
}

export interface FoundLibraries {
  libraries: readonly OpenLibrary[];
  /** Processes that launch kernels in a way that can be seen. */
  pids: ReadonlySet<number>;
  close(): Promise<void>;
}

/** Distinct files in one window: containers share the driver's, and bundle the runtime's. */
const MAX_LIBRARIES = 16;
const MAX_MAPS_BYTES = 8 * 1024 ** 2;

/** Launch libraries of these processes. A process that is gone, or may not be looked at, has none. */
export async function findLibraries(
  procRoot: string,
  pids: readonly number[],
): Promise<FoundLibraries> {
  const byFile = new Map<string, OpenLibrary | undefined>();
  const seen = new Set<number>();
  for (const pid of pids)
    for (const mapping of await mappingsOf(procRoot, pid, isLaunchLibrary)) {
      const { file, path } = mapping;
      const kind = libraryKind(path);
      if (!kind) continue;
      if (!byFile.has(file) && byFile.size < MAX_LIBRARIES)
        byFile.set(file, await openLibrary(procRoot, pid, mapping, kind));
      if (byFile.get(file)) seen.add(pid);
    }
  const libraries = [...byFile.values()].filter((each) => each !== undefined);
  const close = async (): Promise<void> => {
    await Promise.all(libraries.map(async ({ handle }) => handle.close().catch(() => undefined)));
  };
  return { libraries, pids: seen, close };
}

function isLaunchLibrary(path: string): boolean {
  return libraryKind(path) !== undefined;
}

/** What a process has mapped of the wanted files; nothing where it is gone or may not be read. */
export async function mappingsOf(
  procRoot: string,
  pid: number,
  wanted: (path: string) => boolean,
): Promise<FileMapping[]> {
  const text = await beginningOf(join(procRoot, String(pid), "maps"));
  return parseMaps(text, wanted);
}

/** The mapped file itself, whatever has become of its path; undefined where that may not be opened. */
export async function openMapped(
  procRoot: string,
  pid: number,
  { range, path, inode }: FileMapping,
): Promise<FileHandle | undefined> {
  const process = join(procRoot, String(pid));
  // Through the mapping where that is allowed: it needs no path. Else through the process's root,
  // where another file may lie under the same name by now.
  for (const place of [join(process, "map_files", range), join(process, "root", path)]) {
    const handle = await open(place, constants.O_RDONLY | constants.O_NONBLOCK).catch(
      () => undefined,
    );
    if (!handle) continue;
    const stat = await handle.stat();
    if (stat.isFile() && stat.ino === inode) return handle;
    await handle.close();
  }
  return undefined;
}

async function openLibrary(
  procRoot: string,
  pid: number,
  mapping: FileMapping,
  kind: LibraryKind,
): Promise<OpenLibrary | undefined> {
  const handle = await openMapped(procRoot, pid, mapping);
  if (!handle) return undefined;
  const elf = await readElf(handle).catch(() => undefined);
  const wanted = new Set([...kind.entries, ...kind.names].map(({ name }) => name));
  const has = elf ? await exported(handle, elf, wanted) : new Set<string>();
  const entries = kind.entries.filter(({ name }) => has.has(name));
  if (entries.length > 0)
    return { kind, handle, entries, names: kind.names.filter(({ name }) => has.has(name)) };
  await handle.close();
  return undefined;
}

async function exported(
  handle: FileHandle,
  elf: ElfFile,
  wanted: ReadonlySet<string>,
): Promise<Set<string>> {
  return exportedFunctions(handle, elf, wanted).catch(() => new Set<string>());
}

async function beginningOf(path: string): Promise<string> {
  const handle = await open(path, "r").catch(() => undefined);
  if (!handle) return "";
  try {
    const parts: Buffer[] = [];
    for (let total = 0; total < MAX_MAPS_BYTES;) {
      const part = Buffer.allocUnsafe(64 * 1024);
      const { bytesRead } = await handle.read(part, 0, part.length, null);
      if (bytesRead === 0) break;
      total += bytesRead;
      parts.push(part.subarray(0, bytesRead));
    }
    return Buffer.concat(parts).toString("utf8");
  } catch {
    // The process has ended between the opening and the reading.
    return "";
  } finally {
    await handle.close();
  }
}
