import { closeSync, openSync, readlinkSync, readSync, statSync } from "node:fs";

/**
 * The beginning of a file as text; undefined where it is gone or may not be read.
 * Files of `/proc` have no length of their own: they are read until they end.
 */
export function readBounded(path: string, maxBytes: number): string | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.allocUnsafe(maxBytes);
    let length = 0;
    while (length < maxBytes) {
      const read = readSync(file, bytes, length, maxBytes - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.toString("utf8", 0, length);
  } catch {
    // The process ended, or the kernel checks permissions only at the read.
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Where a link points; undefined where it is gone or may not be read. */
export function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Milliseconds of the last change; undefined where there is no such file. */
export function changedAtMs(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
