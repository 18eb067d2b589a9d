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

/** An nvmlFieldValue_t array asking for `ids`: fieldId at 0, scopeId (0, the whole GPU) at 4. */
export function encodeFieldRequest(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * SIZES.fieldValue);
  ids.forEach((id, i) => view(bytes).setUint32(i * SIZES.fieldValue, id, true));
  return bytes;
}

export interface FieldReading {
  id: number;
  /** The result code of this field alone. */
  result: number;
  value: number | undefined;
}

/** nvmlFieldValue_t: fieldId 0, valueType 24, nvmlReturn 28, value 32. */
export function decodeFields(bytes: Uint8Array): FieldReading[] {
  const fields: FieldReading[] = [];
  for (let at = 0; at + SIZES.fieldValue <= bytes.length; at += SIZES.fieldValue) {
    const result = readU32(bytes, at + 28);
    const value = result === 0 ? decodeFieldValue(bytes, at) : undefined;
    fields.push({ id: readU32(bytes, at), result, value });
  }
  return fields;
}

/** nvmlValueType_t: 0 double, 1 unsigned int, 2 unsigned long, 3 unsigned long long, 4 and 5 signed. */
function decodeFieldValue(bytes: Uint8Array, at: number): number | undefined {
  const type = readU32(bytes, at + 24);
  if (type === 0) return view(bytes).getFloat64(at + 32, true);
  if (type === 1) return readMeasuredU32(bytes, at + 32);
  if (type === 2 || type === 3) return readMeasuredU64(bytes, at + 32);
  if (type === 4) return Number(view(bytes).getBigInt64(at + 32, true));
  return type === 5 ? view(bytes).getInt32(at + 32, true) : undefined;
}
