import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar-fs";

const ROOT = new URL("../../", import.meta.url);
const PACKAGE = new URL("node_modules/@sparticuz/chromium/", ROOT);

/** What a process must start with to find the software Vulkan driver, and only that one. */
export interface SoftwareAdapter {
  folder: string;
  environment: Record<string, string>;
}

/**
 * Unpacks the SwiftShader Vulkan driver once per version. Processes that come at the same time
 * each unpack into a folder of their own; the first to rename it into place wins.
 */
export async function softwareAdapter(
  cache: URL = new URL(".cache/swiftshader/", ROOT),
): Promise<SoftwareAdapter> {
  const manifest: unknown = JSON.parse(await readFile(new URL("package.json", PACKAGE), "utf8"));
  const folder = fileURLToPath(new URL(versionOf(manifest), cache));
  if (!(await exists(folder))) await unpackInto(folder, fileURLToPath(cache));
  const icd = join(folder, "vk_swiftshader_icd.json");
  return {
    folder,
    environment: { LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd },
  };
}

async function unpackInto(folder: string, cache: string): Promise<void> {
  const own = join(cache, `unpacking-${randomUUID()}`);
  await mkdir(own, { recursive: true });
  await pipeline(
    createReadStream(new URL("bin/swiftshader.tar.br", PACKAGE)),
    createBrotliDecompress(),
    extract(own),
  );
  try {
    await rename(own, folder);
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  }
}

function versionOf(manifest: unknown): string {
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    return String(manifest.version);
  }
  throw new Error("@sparticuz/chromium has no version");
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Why shaders cannot run here at all, or undefined where they can. For `describe.skipIf`, with the
 * reason in the name: a skipped test must say why.
 */
export async function whyNoWebGpu(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `the software driver is for Linux on x64, not ${process.platform} on ${process.arch}`;
  }
  try {
    await import("webgpu");
    return undefined;
  } catch (error) {
    return `the webgpu binary cannot be loaded: ${error instanceof Error ? error.message : error}`;
  }
}
