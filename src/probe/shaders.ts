import { readFile } from "node:fs/promises";

/** The package's shaders: the same relative path from `src/probe/` and from `dist/probe/`. */
export const SHADERS_URL = new URL("../../shaders/", import.meta.url);

/** The WGSL text of `name`, such as `sha256d.wgsl`. */
export function readShader(name: string, folder: URL = SHADERS_URL): Promise<string> {
  return readFile(new URL(name, folder), "utf8");
}
