import { closeSync, openSync, readdirSync, readSync } from "node:fs";

/** The beginning of a file that is no text; undefined where it is gone or cannot be read. */
export function readBytes(path: string, maxBytes: number): Uint8Array | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.allocUnsafe(maxBytes);
    return bytes.subarray(0, readSync(file, bytes, 0, maxBytes, 0));
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** The names in a folder; `gone` where there is none (any more), `denied` where it cannot be looked into. */
export function listNames(path: string): readonly string[] | "gone" | "denied" {
  try {
    return readdirSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOENT" || code === "ESRCH" ? "gone" : "denied";
  }
}

/** The names in a folder that fit, in order; none where it cannot be looked into. */
export function namesLike(path: string, pattern: RegExp): string[] {
  const names = listNames(path);
  if (typeof names === "string") return [];
  const fitting = names.filter((name) => pattern.test(name));
  return fitting.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
