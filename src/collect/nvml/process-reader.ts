import type { ProcessSighting } from "../../model/sample.ts";
import { AccountingReader } from "./accounting.ts";
import type { DeviceCalls } from "./device-calls.ts";
import { readU32 } from "./layouts.ts";
import type { NvmlSymbol } from "./library.ts";
import {
  decodeProcessList,
  encodeCount,
  PROCESS_ENTRY_MAX,
  UNTOUCHED,
  type ProcessEntry,
} from "./process-layouts.ts";
import { mergeProcesses, withExited } from "./process-merge.ts";
import { UtilizationReader, type UseRequest } from "./process-utilization.ts";
import { isUnsupported, NVML } from "./results.ts";

const COMPUTE = "nvmlDeviceGetComputeRunningProcesses_v3";
const GRAPHICS = "nvmlDeviceGetGraphicsRunningProcesses_v3";
const MPS = "nvmlDeviceGetMPSComputeRunningProcesses_v3";

/**
 * Who is on a device changes more slowly than what it does, and asking costs several calls: so often
 * at most, on average, however often the device itself is read.
 */
const LIST_EVERY_MS = 500;
/** A tick that comes this much early still counts as the one that is due. */
const EARLY_MS = 50;

const FIRST_CAPACITY = 64;
/** Far more than a device ever has: beyond it the driver's count is garbage. */
const MAX_CAPACITY = 65_536;
const MAX_ATTEMPTS = 4;
/** Room for processes that start between two attempts. */
const SPARE = 16;

export interface ProcessRequest extends UseRequest {
  /** Milliseconds of a clock that never steps. */
  nowMs: number;
}

type List = ProcessEntry[] | "unsupported" | "failed";

/** Reads who is on one device, and how much each used since the last time. */
export class DeviceProcessReader {
  readonly #calls: DeviceCalls;
  /** Absent for a MIG device: neither works there. */
  readonly #use: UtilizationReader | undefined;
  readonly #accounting: AccountingReader | undefined;
  #capacity = FIRST_CAPACITY;
  #dueAtMs = Number.NEGATIVE_INFINITY;
  #hasSeenMps = false;

  /** @param options.listsOnly for a MIG device, whose driver tells neither use nor accounts */
  constructor(calls: DeviceCalls, options: { listsOnly?: boolean } = {}) {
    this.#calls = calls;
    this.#use = options.listsOnly ? undefined : new UtilizationReader(calls);
    this.#accounting = options.listsOnly ? undefined : new AccountingReader(calls);
  }

  /**
   * Processes on the device, by pid; an empty list means that nobody is there.
   * @returns undefined where the device does not tell, a list could not be read whole, or none is
   *   due yet: lists are read twice a second at most
   */
  read(request: ProcessRequest): ProcessSighting[] | undefined {
    if (!this.#isDue(request.nowMs)) return undefined;
    const lists = this.#lists();
    if (!lists) return undefined;
    const list = mergeProcesses(lists, this.#use?.read(request) ?? new Map());
    if (!this.#accounting) return list;
    const exited = this.#accounting.exited({
      ...request,
      running: new Set(lists.flatMap((entries) => entries.map(({ pid }) => pid))),
      named: new Set(list.map(({ pid }) => pid)),
    });
    return exited.length > 0 ? withExited(list, exited) : list;
  }

  #isDue(nowMs: number): boolean {
    if (nowMs < this.#dueAtMs - EARLY_MS) return false;
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs) + LIST_EVERY_MS;
    return true;
  }

  #lists(): ProcessEntry[][] | undefined {
    const compute = this.#list(COMPUTE);
    if (compute === "unsupported" || compute === "failed") return undefined;
    const graphics = this.#list(GRAPHICS);
    if (graphics === "failed") return undefined;
    const mps = this.#list(MPS);
    // Where it never worked, the other lists are all there is, not half of it.
    if (mps === "failed" && this.#hasSeenMps) return undefined;
    if (Array.isArray(mps)) this.#hasSeenMps = true;
    return [compute, graphics, mps].filter((list) => Array.isArray(list));
  }

  #list(symbol: NvmlSymbol): List {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const bytes = new Uint8Array(this.#capacity * PROCESS_ENTRY_MAX).fill(UNTOUCHED);
      const count = encodeCount(this.#capacity);
      const result = this.#calls.call(symbol, [count, bytes]);
      const found = readU32(count);
      if (isUnsupported(result)) return "unsupported";
      if (result === NVML.success) {
        return decodeProcessList(bytes, Math.min(found, this.#capacity));
      }
      if (result !== NVML.insufficientSize) return "failed";
      this.#capacity = Math.min(MAX_CAPACITY, Math.max(found, this.#capacity) + SPARE);
    }
    return "failed";
  }
}
