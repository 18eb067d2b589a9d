import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { IndicatorFile } from "../../config/indicators.ts";
import { syncFolder, writeDurably } from "../../daemon/durable.ts";
import { AssayError } from "../../model/errors.ts";

/**
 * Writes the files into a directory: all of them beside their names first, then each is renamed, so
 * that a daemon never reads half a list. Without success nothing is left.
 * @returns the paths
 * @throws AssayError `indicators/cannot-write`
 */
export function keepFiles(files: readonly IndicatorFile[], folder: string): string[] {
  const names = files.map(({ path }) => basename(path));
  const beside = names.map((name) => join(folder, `.unfinished-${process.pid}-${name}`));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    files.forEach(({ text }, i) => writeDurably(beside[i] ?? "", text, 0o644));
    const kept = names.map((name) => join(folder, name));
    kept.forEach((path, i) => renameSync(beside[i] ?? "", path));
    syncFolder(folder);
    return kept;
  } catch (cause) {
    for (const path of beside) if (existsSync(path)) rmSync(path);
    throw new AssayError("indicators/cannot-write", "the lists cannot be kept there", {
      place: folder,
      hint: "name a directory that may be written with --state-dir or --to",
      cause,
    });
  }
}
