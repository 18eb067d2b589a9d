import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./temporary.ts";

const SOURCE = fileURLToPath(new URL("../collect/nvml/stub.c", import.meta.url));

/** What the stand-in answers: keys as in `test/collect/nvml/stub.c`, `gpu1.` before one device's. */
export type NvmlScript = Readonly<Record<string, string | number>>;

/** True where a C compiler is there; without one the stand-in cannot be built. */
export function haveCompiler(): boolean {
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Compiles the NVML stand-in into a directory of its own.
 * @param options.without symbols to leave out, as in an old driver
 * @param options.script what it answers at first
 * @returns the path of the shared object, for the collector's `library` setting
 */
export function compileNvmlStub(
  options: { without?: readonly string[]; script?: NvmlScript } = {},
): string {
  const path = join(temporaryFolder("nvml-stub"), "libnvidia-ml.so.1");
  const defines = (options.without ?? []).map((symbol) => `-DWITHOUT_${symbol}`);
  // Each stand-in is a file of its own, so that none shares its state with another.
  writeFileSync(path, objectWith(defines));
  scriptNvmlStub(path, options.script ?? {});
  return path;
}

const compiled = new Map<string, Uint8Array>();

function objectWith(defines: readonly string[]): Uint8Array {
  const key = defines.join(" ");
  const known = compiled.get(key);
  if (known) return known;
  const directory = temporaryFolder("nvml-object");
  const path = join(directory, "stub.so");
  const flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"];
  execFileSync("cc", [...flags, ...defines, "-o", path, SOURCE, "-ldl", "-lpthread"]);
  const bytes = readFileSync(path);
  rmSync(directory, { recursive: true });
  compiled.set(key, bytes);
  return bytes;
}

/** Changes what a compiled stand-in answers from its next init or device count on. */
export function scriptNvmlStub(path: string, script: NvmlScript): void {
  const set = Object.entries(script).filter(([, value]) => value !== "");
  const lines = set.map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(`${path}.script.new`, lines.join(""));
  renameSync(`${path}.script.new`, `${path}.script`);
}
