import { AssayError } from "../../model/errors.ts";
import type { OpenResult } from "../contract.ts";
import { throwIfLibraryLost } from "./device-calls.ts";
import { readText, readU32, SIZES } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import { NVML, resultText } from "./results.ts";

/** Undefined once NVML is ready; `absent` where no driver runs. @throws AssayError for the rest */
export function initialize(library: NvmlLibrary): OpenResult | undefined {
  const result = library.call("nvmlInit_v2");
  if (result === NVML.success) return undefined;
  const { path } = library;
  library.unload();
  if (result === NVML.driverNotLoaded) {
    const reason = "the NVIDIA driver is installed but not loaded";
    return { status: "absent", reason, hint: "Load the kernel module: modprobe nvidia" };
  }
  const hint =
    result === NVML.versionMismatch
      ? "The driver was updated while it ran: reload the kernel module or reboot."
      : "Run nvidia-smi: it should fail in the same way.";
  throw new AssayError("nvml/library", `nvmlInit_v2: ${resultText(result)}`, { place: path, hint });
}

/** How many cards there are. @throws AssayError where the library does not answer */
export function countDevices(library: NvmlLibrary): number {
  const bytes = new Uint8Array(SIZES.u32);
  const result = library.call("nvmlDeviceGetCount_v2", bytes);
  throwIfLibraryLost("nvmlDeviceGetCount_v2", result, library.path);
  if (result === NVML.success) return readU32(bytes);
  throw new AssayError("nvml/library", `nvmlDeviceGetCount_v2: ${resultText(result)}`, {
    place: library.path,
  });
}

export function readDriverVersion(library: NvmlLibrary): string | undefined {
  const bytes = new Uint8Array(SIZES.text);
  const result = library.call("nvmlSystemGetDriverVersion", bytes, bytes.length);
  return result === NVML.success ? readText(bytes) : undefined;
}
