import { readFile } from "node:fs/promises";

/** The package's shaders: the same relative path from `src/probe/` and from `dist/probe/`. */
export const SHADERS_URL = new URL("../../shaders/", import.meta.url);

/** WGSL has no includes; this line is ours. The path starts at the shaders' folder. */
const INCLUDE = /^\/\/ include (.*)$/gm;
const INCLUDED = /^lib\/[a-z0-9-]+\.wgsl$/;

/**
 * The WGSL text of `name`, such as `sha256d.wgsl`. Each line `// include lib/NAME.wgsl` is replaced
 * by that file, which includes nothing itself, so what a kernel consists of is seen at one glance.
 * @throws Error where a file is missing or an include is not of that form: a defect of ours
 */
export async function readShader(name: string, folder: URL = SHADERS_URL): Promise<string> {
  const text = await readFile(new URL(name, folder), "utf8");
  const parts = new Map<string, string>();
  for (const [, path = ""] of text.matchAll(INCLUDE)) {
    if (parts.has(path)) throw new Error(`${name} includes ${path} twice`);
    parts.set(path, await readIncluded(name, path, folder));
  }
  return text.replace(INCLUDE, (_, path: string) => parts.get(path) ?? "");
}

async function readIncluded(name: string, path: string, folder: URL): Promise<string> {
  if (!INCLUDED.test(path))
    throw new Error(`${name} includes "${path}", which is no lib/NAME.wgsl`);
  const text = await readFile(new URL(path, folder), "utf8").catch((error: unknown) => {
    throw new Error(`${name} includes ${path}, which cannot be read`, { cause: error });
  });
  if (text.search(INCLUDE) >= 0)
    throw new Error(`${path} is included and includes itself something`);
  return text;
}
