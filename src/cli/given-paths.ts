import type { Command } from "commander";
import { AssayError } from "../model/errors.ts";

/** What `''` would make of each of them is the current directory, or nothing that can be read. */
const PATHS: ReadonlyMap<string, string> = new Map([
  ["--state-dir", "name a directory, or leave the option out; is a variable of the shell empty?"],
  ["--config", "name a file, or leave the option out; is a variable of the shell empty?"],
]);

/** Lets a command refuse an empty path, as an unset variable of a shell makes one. */
export function refuseEmptyPaths({ options }: Command): void {
  for (const option of options) {
    const hint = PATHS.get(option.long ?? "");
    if (hint === undefined) continue;
    option.argParser((path: string) => notEmpty(path, option.long ?? "", hint));
  }
}

/** @throws AssayError `cli/usage` */
function notEmpty(path: string, place: string, hint: string): string {
  if (path.trim() !== "") return path;
  throw new AssayError("cli/usage", "that is no path", { place, hint });
}
