/** NVML result codes this room tells apart. */
export const NVML = {
  success: 0,
  uninitialized: 1,
  invalidArgument: 2,
  notSupported: 3,
  noPermission: 4,
  notFound: 6,
  insufficientSize: 7,
  driverNotLoaded: 9,
  functionNotFound: 13,
  gpuLost: 15,
  resetRequired: 16,
  versionMismatch: 18,
  gpuNotFound: 28,
  structVersion: 25,
} as const;

const WORDS: Readonly<Record<number, string>> = {
  1: "not initialised",
  2: "invalid argument",
  3: "not supported",
  4: "no permission",
  6: "not found",
  7: "insufficient size",
  8: "insufficient external power",
  9: "driver not loaded",
  10: "timeout",
  11: "interrupt request issue",
  12: "library not found",
  13: "function not found",
  15: "GPU is lost",
  16: "GPU requires a reset",
  17: "operating system refused the call",
  18: "driver and library versions differ",
  19: "in use",
  20: "out of memory",
  25: "struct version refused",
  28: "GPU not found",
  999: "unknown error",
};

/** `GPU is lost (error 15)`. */
export function resultText(result: number): string {
  return `${WORDS[result] ?? "unexpected result"} (error ${result})`;
}

/** The device will not answer such a call, now or later: it is not asked again. */
export function isUnsupported(result: number): boolean {
  return (
    result === NVML.notSupported ||
    result === NVML.functionNotFound ||
    result === NVML.structVersion
  );
}

/** The device is gone for now, the others are not. */
export function isDeviceLost(result: number): boolean {
  return result === NVML.gpuLost || result === NVML.resetRequired || result === NVML.gpuNotFound;
}

/** The library as a whole no longer answers: it has to be opened anew. */
export function isLibraryLost(result: number): boolean {
  return (
    result === NVML.uninitialized ||
    result === NVML.driverNotLoaded ||
    result === NVML.versionMismatch
  );
}

/** One device does not answer. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}
