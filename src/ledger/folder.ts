import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and the parents that it lacks, all of `mode`; one that is there keeps its own.
 * One by one: Node's recursive way never returns where a parent is there and making a folder in it
 * says ENOENT, as under /proc.
 * @returns whether the folder itself is new
 * @throws what the file system says
 */
export function makeFolder(path: string, mode: number): boolean {
  const whole = resolve(path);
  let isNew = false;
  for (const folder of missingDownTo(whole)) isNew = makeOne(folder, mode);
  return isNew;
}

/** From the nearest ancestor that exists downwards; `whole` is last, and not there if it is a file. */
function missingDownTo(whole: string): string[] {
  if (isFolder(whole)) return [];
  const missing = [whole];
  for (let at = dirname(whole); !exists(at); at = dirname(at)) missing.unshift(at);
  return missing;
}

/** Another process may make it at the same time. */
function makeOne(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if (isThere(error) && isFolder(folder)) return false;
    throw error;
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isThere(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}
