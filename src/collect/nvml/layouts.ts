/**
 * Byte layouts of NVML's structs (x86-64 and AArch64 Linux, little-endian), from the public header of
 * API version 13. Versioned structs carry `size | version << 24` in their first four bytes.
 */
export const SIZES = {
  handle: 8,
  text: 96,
  u32: 4,
  u64: 8,
  utilization: 8,
  memory: 24,
  memoryV2: 40,
  pciInfo: 68,
  fieldValue: 40,
} as const;

const ALL_ONES_32 = 0xffff_ffff;
const ALL_ONES_64 = 0xffff_ffff_ffff_ffffn;

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function readU32(bytes: Uint8Array, offset = 0): number {
  return view(bytes).getUint32(offset, true);
}

/** A u32 in which all ones mean "not available". */
export function readMeasuredU32(bytes: Uint8Array, offset = 0): number | undefined {
  const value = readU32(bytes, offset);
  return value === ALL_ONES_32 ? undefined : value;
}

/** A u64 as a number; all ones ("not available"), and what no number holds exactly, are undefined. */
export function readMeasuredU64(bytes: Uint8Array, offset = 0): number | undefined {
  const value = view(bytes).getBigUint64(offset, true);
  if (value === ALL_ONES_64 || value > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return Number(value);
}

export function readHandle(bytes: Uint8Array): bigint {
  return view(bytes).getBigUint64(0, true);
}

/** A C string up to its NUL, or to the end of its field where there is none. */
export function readText(bytes: Uint8Array, offset = 0, length = bytes.length - offset): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** nvmlUtilization_t: gpu at 0, memory at 4, in percent; as ratios. Over 100 is garbage. */
export function decodeUtilization(bytes: Uint8Array): { gpu?: number; memory?: number } {
  const gpu = ratio(readU32(bytes, 0));
  const memory = ratio(readU32(bytes, 4));
  return { ...(gpu !== undefined && { gpu }), ...(memory !== undefined && { memory }) };
}

function ratio(percent: number): number | undefined {
  return percent <= 100 ? percent / 100 : undefined;
}

/** nvmlMemory_t: total 0, free 8, used 16, in bytes. `used` counts what the driver keeps for itself. */
export function decodeMemory(bytes: Uint8Array): MemoryReading {
  return { totalBytes: readMeasuredU64(bytes, 0), usedBytes: readMeasuredU64(bytes, 16) };
}

/** nvmlMemory_v2_t: version 0, total 8, reserved 16, free 24, used 32, in bytes. */
export function decodeMemoryV2(bytes: Uint8Array): MemoryReading {
  return { totalBytes: readMeasuredU64(bytes, 8), usedBytes: readMeasuredU64(bytes, 32) };
}

export interface MemoryReading {
  totalBytes: number | undefined;
  usedBytes: number | undefined;
}

export function encodeMemoryV2(): Uint8Array {
  const bytes = new Uint8Array(SIZES.memoryV2);
  view(bytes).setUint32(0, SIZES.memoryV2 | (2 << 24), true);
  return bytes;
}

/** nvmlPciInfo_t: the full bus id is 32 characters at 36 (the one at 0 is the short, older form). */
export function decodePciBusId(bytes: Uint8Array): string {
  return readText(bytes, 36, 32);
}

/** The `scopeId` that asks for the sum over all NVLinks of a device. */
export const ALL_LINKS = 0xffff_ffff;

/** A field to ask for; without `scopeId` it is that of the whole GPU. */
export interface FieldRequest {
  id: number;
  scopeId?: number | undefined;
}

/** An nvmlFieldValue_t array asking for `requests`: fieldId at 0, scopeId at 4. */
export function encodeFieldRequest(requests: readonly FieldRequest[]): Uint8Array {
  const bytes = new Uint8Array(requests.length * SIZES.fieldValue);
  requests.forEach(({ id, scopeId = 0 }, i) => {
    view(bytes).setUint32(i * SIZES.fieldValue, id, true);
    view(bytes).setUint32(i * SIZES.fieldValue + 4, scopeId, true);
  });
  return bytes;
}

export interface FieldReading {
  id: number;
  /** The result code of this field alone. */
  result: number;
  value: number | undefined;
  /** The value as an unsigned count, exact beyond what a number holds. */
  count: bigint | undefined;
  /** True where the driver counts in 32 bits. */
  narrow: boolean;
  /** When the driver read it (Unix microseconds); undefined where it does not say. */
  timestampUs: number | undefined;
}

/** nvmlFieldValue_t: fieldId 0, timestamp 8, valueType 24, nvmlReturn 28, value 32. */
export function decodeFields(bytes: Uint8Array): FieldReading[] {
  const fields: FieldReading[] = [];
  for (let at = 0; at + SIZES.fieldValue <= bytes.length; at += SIZES.fieldValue) {
    const result = readU32(bytes, at + 28);
    const type = readU32(bytes, at + 24);
    const answered = result === 0;
    fields.push({
      id: readU32(bytes, at),
      result,
      value: answered ? readValue(view(bytes), at + 32, type) : undefined,
      count: answered ? readCount(bytes, at + 32, type) : undefined,
      narrow: type === VALUE.unsignedInt,
      timestampUs: readMeasuredU64(bytes, at + 8) || undefined,
    });
  }
  return fields;
}

/** nvmlValueType_t */
const VALUE = {
  double: 0,
  unsignedInt: 1,
  unsignedLong: 2,
  unsignedLongLong: 3,
  signedLongLong: 4,
  signedInt: 5,
  unsignedShort: 6,
} as const;

/** An nvmlValue_t of the given nvmlValueType_t; undefined for all ones and for types not known. */
export function readValue(data: DataView, at: number, type: number): number | undefined {
  if (type === VALUE.double) return data.getFloat64(at, true);
  if (type === VALUE.unsignedInt) {
    const value = data.getUint32(at, true);
    return value === ALL_ONES_32 ? undefined : value;
  }
  if (type === VALUE.unsignedLong || type === VALUE.unsignedLongLong) {
    const value = readWide(data, at);
    return value > Number.MAX_SAFE_INTEGER ? undefined : value;
  }
  if (type === VALUE.signedLongLong) return Number(data.getBigInt64(at, true));
  if (type === VALUE.signedInt) return data.getInt32(at, true);
  return type === VALUE.unsignedShort ? data.getUint16(at, true) : undefined;
}

/** A u64 without a detour over a bigint; inexact beyond what a number holds. */
export function readWide(data: DataView, at: number): number {
  return data.getUint32(at + 4, true) * 0x1_0000_0000 + data.getUint32(at, true);
}

function readCount(bytes: Uint8Array, at: number, type: number): bigint | undefined {
  if (type === VALUE.unsignedInt) {
    const value = readMeasuredU32(bytes, at);
    return value === undefined ? undefined : BigInt(value);
  }
  if (type !== VALUE.unsignedLong && type !== VALUE.unsignedLongLong) return undefined;
  const value = view(bytes).getBigUint64(at, true);
  return value === ALL_ONES_64 ? undefined : value;
}
