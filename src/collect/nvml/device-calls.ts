import { AssayError } from "../../model/errors.ts";
import type { NvmlArgument, NvmlLibrary, NvmlSymbol } from "./library.ts";
import {
  decodeFields,
  encodeFieldRequest,
  readText,
  SIZES,
  type FieldReading,
  type FieldRequest,
} from "./layouts.ts";
import {
  DeviceLostError,
  isDeviceLost,
  isLibraryLost,
  isUnsupported,
  NVML,
  resultText,
} from "./results.ts";

/** @throws AssayError when `result` says that the library as a whole no longer answers */
export function throwIfLibraryLost(symbol: string, result: number, path: string): void {
  if (!isLibraryLost(result)) return;
  throw new AssayError("nvml/library", `${symbol}: ${resultText(result)}`, {
    place: path,
    hint: "The driver was unloaded or replaced under the agent; it is opened again by itself.",
  });
}

/**
 * The calls of one device. It remembers what the device does not support and never asks that again;
 * anything else that fails is a quantity not measured this time.
 */
export class DeviceCalls {
  readonly #library: NvmlLibrary;
  readonly #handle: bigint;
  readonly #unsupported = new Set<string>();
  /** Calls answered since the last {@link takeOutcome}, and the last one's failure. */
  #answered = 0;
  #lastFailure: string | undefined;

  constructor(library: NvmlLibrary, handle: bigint) {
    this.#library = library;
    this.#handle = handle;
  }

  get handle(): bigint {
    return this.#handle;
  }

  isSupported(key: string): boolean {
    return !this.#unsupported.has(key);
  }

  /**
   * Makes one call with the device's handle first.
   * @param key what is remembered as unsupported: the symbol, or narrower where a symbol has arguments
   * @returns the result code
   * @throws DeviceLostError, or AssayError `nvml/library` when the whole library is gone
   */
  call(symbol: NvmlSymbol, args: readonly NvmlArgument[], key: string = symbol) {
    if (this.#unsupported.has(key)) return NVML.notSupported;
    const result = this.#library.call(symbol, this.#handle, ...args);
    this.#note(symbol, key, result);
    return result;
  }

  /**
   * The same for a call that does not name the device, such as one on a sample taken from it. It
   * tells nothing of the device when it answers.
   */
  callWithoutHandle(symbol: NvmlSymbol, args: readonly NvmlArgument[]): number {
    if (this.#unsupported.has(symbol)) return NVML.notSupported;
    const result = this.#library.call(symbol, ...args);
    throwIfLibraryLost(symbol, result, this.#library.path);
    if (isUnsupported(result)) this.#unsupported.add(symbol);
    return result;
  }

  /** Gives back to the library what it has allocated. It never throws. @returns the result code */
  release(symbol: NvmlSymbol, allocated: bigint): number {
    return this.#library.call(symbol, allocated);
  }

  #note(symbol: string, key: string, result: number): void {
    throwIfLibraryLost(symbol, result, this.#library.path);
    if (isDeviceLost(result)) throw new DeviceLostError(`${symbol}: ${resultText(result)}`);
    if (isUnsupported(result)) this.#unsupported.add(key);
    // "Not found" and "insufficient size" are answers: no sample since, and the size to come with.
    const answers: readonly number[] = [NVML.success, NVML.notFound, NVML.insufficientSize];
    if (answers.includes(result)) this.#answered += 1;
    else if (!isUnsupported(result)) this.#lastFailure = `${symbol}: ${resultText(result)}`;
  }

  /** Calls and decodes; undefined where the call failed or is not supported. */
  read<T>(
    symbol: NvmlSymbol,
    bytes: Uint8Array,
    decode: (bytes: Uint8Array) => T,
    options: { before?: readonly NvmlArgument[]; key?: string } = {},
  ): T | undefined {
    const key = options.key ?? symbol;
    const result = this.call(symbol, [...(options.before ?? []), bytes], key);
    return result === NVML.success ? decode(bytes) : undefined;
  }

  /** A C string, such as name and UUID. */
  text(symbol: NvmlSymbol): string | undefined {
    const bytes = new Uint8Array(SIZES.text);
    const result = this.call(symbol, [bytes, bytes.length]);
    return result === NVML.success ? readText(bytes) : undefined;
  }

  supportsField(id: number): boolean {
    return this.isSupported(fieldKey(id));
  }

  /**
   * Fields by id in one call; those that failed, or are not supported, are absent.
   * @param requests the one that matters most first
   */
  fields(requests: readonly FieldRequest[]): Map<number, FieldReading> {
    const wanted = requests.filter(({ id }) => this.supportsField(id));
    const values = new Map<number, FieldReading>();
    if (wanted.length === 0) return values;
    const bytes = encodeFieldRequest(wanted);
    const outcome = this.call("nvmlDeviceGetFieldValues", [wanted.length, bytes]);
    // Should a driver refuse the whole call for a field it does not know, the first is asked alone.
    if (outcome === NVML.invalidArgument) {
      for (const { id } of wanted.slice(1)) this.#unsupported.add(fieldKey(id));
    }
    if (outcome !== NVML.success) return values;
    for (const field of decodeFields(bytes)) {
      // A driver that does not know a field's number calls it an invalid argument.
      const result = field.result === NVML.invalidArgument ? NVML.notSupported : field.result;
      this.#note(fieldKey(field.id), fieldKey(field.id), result);
      if (result === NVML.success) values.set(field.id, field);
    }
    return values;
  }

  /** Whether any call was answered since the last time this was asked, and what failed last. */
  takeOutcome(): { answered: number; lastFailure: string | undefined } {
    const outcome = { answered: this.#answered, lastFailure: this.#lastFailure };
    this.#answered = 0;
    this.#lastFailure = undefined;
    return outcome;
  }
}

function fieldKey(id: number): string {
  return `field ${id}`;
}
