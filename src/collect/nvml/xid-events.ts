import { throwIfLibraryLost } from "./device-calls.ts";
import { readHandle, readMeasuredU64, SIZES, view } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import { isDeviceLost, isUnsupported, NVML } from "./results.ts";

/** nvmlEventData_t: device 0, eventType 8, eventData 16, gpuInstanceId 24, computeInstanceId 28. */
const EVENT_DATA = 32;
const XID_CRITICAL_ERROR = 8n;
/** NVIDIA's codes are far below; 999 stands for one the driver does not know. */
const MAX_XID = 65_535;
/** More than come between two readings: beyond it a driver does not let go of its events. */
const MAX_EVENTS = 256;
/** A lost device makes the whole set answer "lost": it is made again without it, then at most this often. */
const REMAKE_MS = 60_000;

/**
 * Driver errors (Xids) of all devices. NVML gathers them in one set for the whole library, which is
 * asked without waiting.
 */
export class XidEvents {
  readonly #library: NvmlLibrary;
  readonly #asked = new Set<bigint>();
  #set: bigint | undefined;
  #isUnsupported = false;
  #madeAtMs = Number.NEGATIVE_INFINITY;

  constructor(library: NvmlLibrary) {
    this.#library = library;
  }

  /**
   * The codes that came since the last time, by device, oldest first.
   * @param handles devices that answer now: those not yet watched are from here on
   * @param nowMs monotonic
   * @throws AssayError `nvml/library`
   */
  poll(handles: readonly bigint[], nowMs: number): ReadonlyMap<bigint, readonly number[]> {
    const codes = new Map<bigint, number[]>();
    const set = this.#open(nowMs);
    if (set === undefined) return codes;
    for (const handle of handles) this.#watch(handle, set);
    const bytes = new Uint8Array(EVENT_DATA);
    for (let i = 0; i < MAX_EVENTS; i++) {
      const result = this.#call("nvmlEventSetWait_v2", set, bytes, 0);
      if (isDeviceLost(result)) this.close();
      if (isUnsupported(result)) this.#giveUp();
      // The usual answer is "timeout": nothing has happened.
      if (result !== NVML.success) break;
      const device = readHandle(bytes);
      const xid = xidOf(bytes);
      if (xid !== undefined) codes.set(device, [...(codes.get(device) ?? []), xid]);
    }
    return codes;
  }

  /** Safe twice. */
  close(): void {
    const set = this.#set;
    this.#set = undefined;
    this.#asked.clear();
    if (set !== undefined) this.#library.call("nvmlEventSetFree", set);
  }

  #open(nowMs: number): bigint | undefined {
    if (this.#set !== undefined) return this.#set;
    if (this.#isUnsupported || nowMs - this.#madeAtMs < REMAKE_MS) return undefined;
    this.#madeAtMs = nowMs;
    const bytes = new Uint8Array(SIZES.handle);
    const result = this.#call("nvmlEventSetCreate", bytes);
    if (isUnsupported(result)) this.#isUnsupported = true;
    if (result === NVML.success) this.#set = readHandle(bytes);
    return this.#set;
  }

  /** Asked once for each device: one that refuses has no such events. */
  #watch(handle: bigint, set: bigint): void {
    if (this.#asked.has(handle)) return;
    this.#asked.add(handle);
    this.#call("nvmlDeviceRegisterEvents", handle, XID_CRITICAL_ERROR, set);
  }

  #giveUp(): void {
    this.close();
    this.#isUnsupported = true;
  }

  #call(...[symbol, ...args]: Parameters<NvmlLibrary["call"]>): number {
    const result = this.#library.call(symbol, ...args);
    throwIfLibraryLost(symbol, result, this.#library.path);
    return result;
  }
}

function xidOf(bytes: Uint8Array): number | undefined {
  const isXid = (view(bytes).getBigUint64(8, true) & XID_CRITICAL_ERROR) !== 0n;
  const code = readMeasuredU64(bytes, 16);
  return isXid && code !== undefined && code <= MAX_XID ? code : undefined;
}
