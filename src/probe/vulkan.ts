import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** What this system has of what WebGPU needs on Linux; strings are paths, for showing. */
export interface VulkanFacts {
  /** `libvulkan.so.1`, which finds the drivers. */
  loader: string | undefined;
  /** Driver manifests (ICD JSON files). */
  manifests: readonly string[];
  /** NVIDIA's kernel driver is there. */
  nvidiaDevice: boolean;
  /** Render nodes, of any vendor. */
  renderNodes: readonly string[];
  /** The container runtime's setting; absent outside such containers. */
  nvidiaDriverCapabilities: string | undefined;
}

export interface SystemView {
  /** Root of the file system to look at. */
  root: string;
  environment: Readonly<Record<string, string | undefined>>;
}

const LIBRARY_FOLDERS = [
  "usr/lib/x86_64-linux-gnu",
  "usr/lib/aarch64-linux-gnu",
  "usr/lib64",
  "usr/lib",
  "usr/local/lib",
  "lib/x86_64-linux-gnu",
  "lib64",
];
const MANIFEST_FOLDERS = [
  "etc/vulkan/icd.d",
  "usr/share/vulkan/icd.d",
  "usr/local/share/vulkan/icd.d",
];

/** Looks for loader, drivers and devices. Never throws: what cannot be read is not there. */
export async function readVulkanFacts({ root, environment }: SystemView): Promise<VulkanFacts> {
  const listed = (environment["VK_DRIVER_FILES"] ?? environment["VK_ICD_FILENAMES"] ?? "")
    .split(delimiter)
    .filter((path) => path !== "");
  const libraries = (environment["LD_LIBRARY_PATH"] ?? "").split(delimiter).filter(Boolean);
  const found = await Promise.all(
    MANIFEST_FOLDERS.map((folder) => list(join(root, folder), ".json")),
  );
  const nodes = await list(join(root, "dev/dri"), "");
  return {
    loader: await firstThatExists(
      [...libraries, ...LIBRARY_FOLDERS].map((folder) => join(root, folder, "libvulkan.so.1")),
    ),
    // The variable, where set, replaces the folders.
    manifests: listed.length > 0 ? listed : found.flat(),
    nvidiaDevice: await exists(join(root, "dev/nvidiactl")),
    renderNodes: nodes.filter((path) => path.includes("renderD")),
    nvidiaDriverCapabilities: environment["NVIDIA_DRIVER_CAPABILITIES"],
  };
}

/** What to do to get an adapter, most likely cause first; at least one sentence. */
export function adapterHints(facts: VulkanFacts): string[] {
  const hints: string[] = [];
  const { nvidiaDriverCapabilities: capabilities } = facts;
  if (!facts.nvidiaDevice && facts.renderNodes.length === 0) {
    hints.push(
      "no GPU device is visible here (/dev/nvidiactl, /dev/dri/renderD*): give the container one",
    );
  }
  if (capabilities !== undefined && !/\b(?:all|graphics)\b/.test(capabilities)) {
    hints.push(
      "set NVIDIA_DRIVER_CAPABILITIES to all, or add graphics to it: Vulkan is part of it",
    );
  }
  if (!facts.loader) {
    hints.push(
      "install the Vulkan loader, libvulkan.so.1 (Debian: libvulkan1, RHEL: vulkan-loader)",
    );
  }
  if (facts.manifests.length === 0) {
    hints.push(
      facts.nvidiaDevice
        ? "no Vulkan driver manifest: the driver package's nvidia_icd.json is missing; without a display it should name libEGL_nvidia.so.0"
        : "no Vulkan driver manifest in /usr/share/vulkan/icd.d or /etc/vulkan/icd.d: install the GPU's Vulkan driver",
    );
  }
  if (hints.length === 0) {
    hints.push(
      "loader and driver manifest are there: `vulkaninfo --summary` should say what fails",
    );
  }
  return hints;
}

async function list(folder: string, ending: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await exists(path)) return path;
  }
  return undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
