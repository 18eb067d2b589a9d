/**
 * What a device process may know of the daemon's environment: what drivers and the loader read, and
 * what any process needs. The daemon's own secrets (webhook keys, tokens) are none of its business.
 */
const NAMES: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TMPDIR",
  "TMP",
  "TEMP",
  "LD_LIBRARY_PATH",
  "LD_PRELOAD",
  "DRI_PRIME",
  "SYSTEMROOT",
]);

const PREFIXES = [
  "LC_",
  "XDG_",
  // The Vulkan loader and its layers.
  "VK_",
  "__VK",
  // NVIDIA's driver and its container runtime.
  "NVIDIA_",
  "__NV",
  "__GL",
  "__EGL",
  // Mesa and its drivers.
  "MESA_",
  "LIBGL_",
  "EGL_",
  "RADV_",
  "ACO_",
  "AMD_",
  "ANV_",
  "INTEL_",
  "NVK_",
  "HSA_",
] as const;

/** `NVIDIA_API_KEY` has a driver's prefix and is none of its settings. */
const SECRET = /KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|COOKIE/i;

/** The variables that a device process is started with, and `added` as they are. */
export function childEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  added: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const allowed = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isAllowed(entry[0]),
  );
  return { ...Object.fromEntries(allowed), ...added };
}

function isAllowed(name: string): boolean {
  if (SECRET.test(name)) return false;
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
