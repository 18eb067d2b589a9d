import { readdirSync, readSync } from "node:fs";
import { withFile } from "../files.ts";

/** The beginning of a file that is no text; undefined where it is gone or cannot be read. */
export function readBytes(path: string, maxBytes: number): Uint8Array | undefined {
  return withFile(path, (file) => {
    const bytes = Buffer.allocUnsafe(maxBytes);
    return bytes.subarray(0, readSync(file, bytes, 0, maxBytes, 0));
  });
}

/** A page, the most that a file of sysfs holds; it comes in one read. Reused, as nothing waits here. */
const PAGE = Buffer.allocUnsafe(4096);

/** A file of sysfs as text; undefined where it is gone or cannot be read. */
export function readText(path: string): string | undefined {
  return withFile(path, (file) =>
    PAGE.toString("utf8", 0, readSync(file, PAGE, 0, PAGE.length, 0)),
  );
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
