import { readU32, readMeasuredU64 } from "./layouts.ts";
import { MIB } from "../units.ts";

export const MIG_ATTRIBUTES = 40;

const GIB = 2 ** 30;
/** The hardware hands a card's memory out in eighths; profiles are named after them. */
const MEMORY_SLICES = 8;
/** More slices than any card has: the driver told garbage. */
const MAX_SLICES = 64;

/** What a MIG device was given of its card. */
export interface MigAttributes {
  gpuSlices: number;
  computeSlices: number;
  memoryBytes: number | undefined;
}

/** nvmlDeviceAttributes_t: gpuInstanceSliceCount 24, computeInstanceSliceCount 28, memorySizeMB 32 (MiB). */
export function decodeMigAttributes(bytes: Uint8Array): MigAttributes {
  const mebibytes = readMeasuredU64(bytes, 32);
  const memoryBytes = mebibytes && mebibytes < 2 ** 32 ? mebibytes * MIB : undefined;
  return { gpuSlices: readU32(bytes, 24), computeSlices: readU32(bytes, 28), memoryBytes };
}

/** The profile at the end of a MIG device's name: `1g.5gb`, `1c.3g.20gb`, `1g.10gb+me`. */
export function profileFromName(name: string): string | undefined {
  return /\bMIG ((?:\d{1,2}c\.)?\d{1,2}g\.\d{1,4}gb(?:[+-][a-z.]{1,12}){0,4})$/i.exec(name)?.[1];
}

/**
 * The profile as its name would be. The size in it is that of the eighths of the card's memory, which
 * is more than what is left of them for use: 4,864 MiB of a card of 40 GiB are `5gb`.
 */
export function profileFromAttributes(
  { gpuSlices, computeSlices, memoryBytes }: MigAttributes,
  cardMemoryBytes: number | undefined,
): string | undefined {
  const isPlausible = gpuSlices > 0 && gpuSlices <= MAX_SLICES && computeSlices <= gpuSlices;
  if (!isPlausible || memoryBytes === undefined) return undefined;
  const part = computeSlices > 0 && computeSlices < gpuSlices ? `${computeSlices}c.` : "";
  return `${part}${gpuSlices}g.${namedGigabytes(memoryBytes, cardMemoryBytes)}gb`;
}

function namedGigabytes(memoryBytes: number, cardMemoryBytes: number | undefined): number {
  if (cardMemoryBytes === undefined || memoryBytes > cardMemoryBytes) {
    return Math.ceil(memoryBytes / GIB);
  }
  const eighths = Math.ceil((memoryBytes / cardMemoryBytes) * MEMORY_SLICES);
  return Math.round((eighths * Math.ceil(cardMemoryBytes / GIB)) / MEMORY_SLICES);
}
