import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { adapterHints, readVulkanFacts } from "../../src/probe/vulkan.ts";

const LOADER = "usr/lib/x86_64-linux-gnu/libvulkan.so.1";
const MANIFEST = "usr/share/vulkan/icd.d/nvidia_icd.json";

describe("what a system has for Vulkan", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "assay-vulkan-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const put = async (...paths: string[]): Promise<void> => {
    for (const path of paths) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), "");
    }
  };
  const hints = async (environment: Record<string, string> = {}): Promise<string> =>
    adapterHints(await readVulkanFacts({ root, environment })).join("\n");

  test("nothing: a device, the loader and a driver are asked for", async () => {
    const said = await hints();
    expect(said).toContain("no GPU device is visible");
    expect(said).toContain("libvulkan.so.1");
    expect(said).toContain("no Vulkan driver manifest");
  });

  test("everything: only further diagnosis is left", async () => {
    await put(LOADER, MANIFEST, "dev/nvidiactl");
    expect(await hints()).toMatch(/^loader and driver manifest are there/);
  });

  test("an NVIDIA device without its manifest is the usual container", async () => {
    await put(LOADER, "dev/nvidiactl");
    expect(await hints()).toContain("nvidia_icd.json");
  });

  test.each([
    ["compute,utility", true],
    ["compute,utility,graphics", false],
    ["all", false],
  ])("NVIDIA_DRIVER_CAPABILITIES=%s, hint %s", async (capabilities, hinted) => {
    await put(LOADER, MANIFEST, "dev/nvidiactl");
    const said = await hints({ NVIDIA_DRIVER_CAPABILITIES: capabilities });
    expect(said.includes("add graphics")).toBe(hinted);
  });

  test("a driver named by the environment replaces the folders", async () => {
    await put(LOADER, MANIFEST, "dev/dri/renderD128", "dev/dri/card0");
    const facts = await readVulkanFacts({
      root,
      environment: { VK_DRIVER_FILES: "/a.json:/b.json" },
    });
    expect(facts.manifests).toEqual(["/a.json", "/b.json"]);
    expect(facts.renderNodes).toEqual([join(root, "dev/dri/renderD128")]);
  });

  test("a loader on LD_LIBRARY_PATH counts", async () => {
    await put("opt/vulkan/libvulkan.so.1");
    const facts = await readVulkanFacts({ root, environment: { LD_LIBRARY_PATH: "/opt/vulkan" } });
    expect(facts.loader).toBe(join(root, "opt/vulkan/libvulkan.so.1"));
  });
});
