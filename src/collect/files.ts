import { closeSync, openSync, readlinkSync, readSync, statSync } from "node:fs";

/**
 * The beginning of a file as text; undefined where it is gone or may not be read.
 * Files of `/proc` have no length of their own: they are read until they end.
 */
export function readBounded(path: string, maxBytes: number): string | undefined {
  return withFile(path, (file) => {
    const bytes = Buffer.allocUnsafe(maxBytes);
    let length = 0;
    while (length < maxBytes) {
      const read = readSync(file, bytes, length, maxBytes - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.toString("utf8", 0, length);
  });
}

/**
 * What `read` makes of an open file; undefined where it is gone or may not be read. Also where it
 * fails only at the read: the process has ended, the kernel checks permissions only then, or a driver
 * is busy, gone under way or has no data at the moment.
 */
export function withFile<T>(path: string, read: (file: number) => T): T | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return read(file);
  } catch {
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
