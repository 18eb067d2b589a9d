import { existsSync } from "node:fs";
import koffi, { type LibraryHandle } from "koffi";
import { AssayError } from "../../model/errors.ts";
import { NVML } from "./results.ts";

export const DEFAULT_LIBRARY = "libnvidia-ml.so.1";

/** Argument types of every call this room makes; a `void *` takes a buffer or a device handle. */
const SYMBOLS = {
  nvmlInit_v2: [],
  nvmlShutdown: [],
  nvmlSystemGetDriverVersion: ["void *", "uint32"],
  nvmlDeviceGetCount_v2: ["void *"],
  nvmlDeviceGetHandleByIndex_v2: ["uint32", "void *"],
  nvmlDeviceGetName: ["void *", "void *", "uint32"],
  nvmlDeviceGetUUID: ["void *", "void *", "uint32"],
  nvmlDeviceGetPciInfo_v3: ["void *", "void *"],
  nvmlDeviceGetMemoryInfo: ["void *", "void *"],
  nvmlDeviceGetMemoryInfo_v2: ["void *", "void *"],
  nvmlDeviceGetEnforcedPowerLimit: ["void *", "void *"],
  nvmlDeviceGetUtilizationRates: ["void *", "void *"],
  nvmlDeviceGetFieldValues: ["void *", "int", "void *"],
  nvmlDeviceGetPowerUsage: ["void *", "void *"],
  nvmlDeviceGetTotalEnergyConsumption: ["void *", "void *"],
  nvmlDeviceGetClockInfo: ["void *", "int", "void *"],
  nvmlDeviceGetTemperature: ["void *", "int", "void *"],
  nvmlDeviceGetCurrentClocksEventReasons: ["void *", "void *"],
  nvmlDeviceGetCurrentClocksThrottleReasons: ["void *", "void *"],
  nvmlDeviceGetComputeRunningProcesses_v3: ["void *", "void *", "void *"],
  nvmlDeviceGetGraphicsRunningProcesses_v3: ["void *", "void *", "void *"],
  nvmlDeviceGetProcessUtilization: ["void *", "void *", "void *", "uint64"],
  // Profiling counters, the driver's buffers, traffic, engines, health.
  nvmlGpmQueryDeviceSupport: ["void *", "void *"],
  nvmlGpmSampleAlloc: ["void *"],
  nvmlGpmSampleFree: ["void *"],
  nvmlGpmSampleGet: ["void *", "void *"],
  nvmlGpmMigSampleGet: ["void *", "uint32", "void *"],
  nvmlGpmMetricsGet: ["void *"],
  nvmlDeviceGetSamples: ["void *", "int", "uint64", "void *", "void *", "void *"],
  nvmlDeviceGetMaxPcieLinkGeneration: ["void *", "void *"],
  nvmlDeviceGetMaxPcieLinkWidth: ["void *", "void *"],
  nvmlDeviceGetEncoderUtilization: ["void *", "void *", "void *"],
  nvmlDeviceGetDecoderUtilization: ["void *", "void *", "void *"],
  nvmlDeviceGetJpgUtilization: ["void *", "void *", "void *"],
  nvmlDeviceGetOfaUtilization: ["void *", "void *", "void *"],
  nvmlDeviceGetTotalEccErrors: ["void *", "int", "int", "void *"],
  nvmlDeviceGetRemappedRows: ["void *", "void *", "void *", "void *", "void *"],
  nvmlDeviceGetPcieReplayCounter: ["void *", "void *"],
  nvmlEventSetCreate: ["void *"],
  nvmlEventSetFree: ["void *"],
  nvmlEventSetWait_v2: ["void *", "void *", "uint32"],
  nvmlDeviceRegisterEvents: ["void *", "uint64", "void *"],
  // Who is on a device, by newer and rarer calls; MIG instances; the driver's books.
  nvmlDeviceGetProcessesUtilizationInfo: ["void *", "void *"],
  nvmlDeviceGetMPSComputeRunningProcesses_v3: ["void *", "void *", "void *"],
  nvmlDeviceGetAccountingMode: ["void *", "void *"],
  nvmlDeviceGetAccountingPids: ["void *", "void *", "void *"],
  nvmlDeviceGetAccountingStats: ["void *", "uint32", "void *"],
  nvmlDeviceGetMigMode: ["void *", "void *", "void *"],
  nvmlDeviceGetMaxMigDeviceCount: ["void *", "void *"],
  nvmlDeviceGetMigDeviceHandleByIndex: ["void *", "uint32", "void *"],
  nvmlDeviceGetGpuInstanceId: ["void *", "void *"],
  nvmlDeviceGetComputeInstanceId: ["void *", "void *"],
  nvmlDeviceGetAttributes_v2: ["void *", "void *"],
} as const;

export type NvmlSymbol = keyof typeof SYMBOLS;
export type NvmlArgument = number | bigint | Uint8Array | PointingStruct | null;

/** A struct with a pointer to another buffer in it. The address is written when the call is made. */
export interface PointingStruct {
  bytes: Uint8Array;
  /** Where in `bytes` the pointer lies. */
  pointerOffset: number;
  /** Null is a null pointer. */
  target: Uint8Array | null;
}

/** The calls that take a {@link PointingStruct}; the others are spared the look. */
const POINTING: ReadonlySet<NvmlSymbol> = new Set(["nvmlDeviceGetProcessesUtilizationInfo"]);

/** Calls a symbol and returns its result code. */
type Bound = (...args: NvmlArgument[]) => number;

/**
 * A loaded NVML library. A symbol an old driver lacks answers "function not found" (13).
 * Calls block: a driver takes a second over a sick device, or never returns. So this belongs on a
 * thread of its own, where a call costs a tenth of a microsecond of our time and stops nothing else.
 */
export interface NvmlLibrary {
  readonly path: string;
  readonly missing: readonly NvmlSymbol[];
  call(symbol: NvmlSymbol, ...args: NvmlArgument[]): number;
  /** Its code is gone afterwards. */
  unload(): void;
}

export type LoadResult =
  | { status: "loaded"; library: NvmlLibrary }
  | { status: "missing"; reason: string };

/**
 * Loads the library and looks its symbols up one by one.
 * @throws AssayError `nvml/library` where the file exists but is not a usable NVML library
 */
export function loadNvml(path: string = DEFAULT_LIBRARY): LoadResult {
  let handle: LibraryHandle;
  try {
    handle = koffi.load(path);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // The loader says the same of a file that is there, but of another kind of machine.
    if (/No such file or directory/.test(message) && existsSync(path))
      throw unusable(path, "it is a library for another machine architecture", cause);
    if (/No such file or directory/.test(message)) {
      return { status: "missing", reason: `${path} not found` };
    }
    throw unusable(path, message, cause);
  }
  const bound = bindAll(handle);
  if (!bound.has("nvmlInit_v2") || !bound.has("nvmlDeviceGetCount_v2")) {
    handle.unload();
    throw unusable(path, "it has no NVML entry points");
  }
  return { status: "loaded", library: wrap(path, handle, bound) };
}

function unusable(path: string, message: string, cause?: unknown): AssayError {
  const said = message.replace(/^Failed to load shared library: /, "");
  return new AssayError("nvml/library", `The NVML library cannot be used: ${said}`, {
    place: path,
    hint: "It must be the driver's own library, of this machine's architecture and driver version.",
    cause,
  });
}

function bindAll(handle: LibraryHandle): Map<NvmlSymbol, Bound> {
  const bound = new Map<NvmlSymbol, Bound>();
  for (const symbol of symbolNames()) {
    try {
      bound.set(symbol, bind(handle, symbol));
    } catch {
      // An older driver: what this symbol measures is simply not measured.
    }
  }
  return bound;
}

function bind(handle: LibraryHandle, symbol: NvmlSymbol): Bound {
  const native = handle.func(symbol, "int", [...SYMBOLS[symbol]]);
  if (POINTING.has(symbol)) return (...args) => Number(native(...args.map(withAddress)));
  return (...args) => Number(native(...args));
}

/** Both buffers live until the call is over: the caller holds them, and it blocks. */
function withAddress(argument: NvmlArgument): NvmlArgument {
  if (argument === null || typeof argument !== "object" || argument instanceof Uint8Array) {
    return argument;
  }
  const { bytes, pointerOffset, target } = argument;
  const address = target ? koffi.address(target) : 0n;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  words.setBigUint64(pointerOffset, address, true);
  return bytes;
}

function symbolNames(): NvmlSymbol[] {
  // The table is a constant of this module, so its keys are exactly the symbols.
  return Object.keys(SYMBOLS) as NvmlSymbol[];
}

function wrap(path: string, handle: LibraryHandle, bound: Map<NvmlSymbol, Bound>): NvmlLibrary {
  return {
    path,
    missing: symbolNames().filter((symbol) => !bound.has(symbol)),
    call(symbol, ...args) {
      const native = bound.get(symbol);
      return native ? native(...args) : NVML.functionNotFound;
    },
    unload() {
      bound.clear();
      handle.unload();
    },
  };
}
