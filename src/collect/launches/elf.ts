import type { FileHandle } from "node:fs/promises";

/*
 * As much of ELF as it takes to know which functions a library has. The files are the observed
 * user's: every offset is checked against what could be read, and every table is bounded.
 */

interface Section {
  type: number;
  offset: number;
  size: number;
  link: number;
}

interface Segment {
  offset: bigint;
  address: bigint;
  size: bigint;
}

export interface ElfFile {
  sections: readonly Section[];
  segments: readonly Segment[];
}

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const SEGMENT_BYTES = 56;
const SYMBOL_BYTES = 24;
const MAX_SECTIONS = 4096;
const MAX_SEGMENTS = 256;
/** Tables beyond this are not read: the largest libraries of frameworks have some tens of MiB. */
const MAX_TABLE_BYTES = 64 * 1024 ** 2;
const CHUNK_SYMBOLS = 16_384;
const MAX_NAME_BYTES = 4096;
const [SYMTAB, DYNSYM, LOAD, FUNCTION] = [2, 11, 1, 2];

/** Undefined for what is no 64-bit little-endian ELF file with tables where it says. */
export async function readElf(file: FileHandle): Promise<ElfFile | undefined> {
  const head = await bytesAt(file, 0, HEADER_BYTES);
  const magic = head?.toString("latin1", 0, 6);
  if (!head || magic !== "\u007fELF\u0002\u0001") return undefined;
  const [segmentSize, segmentCount] = [head.readUInt16LE(0x36), head.readUInt16LE(0x38)];
  const [sectionSize, sectionCount] = [head.readUInt16LE(0x3a), head.readUInt16LE(0x3c)];
  if (sectionCount > MAX_SECTIONS || segmentCount > MAX_SEGMENTS) return undefined;
  if (sectionSize !== SECTION_BYTES || segmentSize !== SEGMENT_BYTES) return undefined;
  const sections = await bytesAt(file, place(head, 0x28), sectionCount * SECTION_BYTES);
  const segments = await bytesAt(file, place(head, 0x20), segmentCount * SEGMENT_BYTES);
  if (!sections || !segments) return undefined;
  return {
    sections: pieces(sections, SECTION_BYTES).map((each) => ({
      type: each.readUInt32LE(4),
      offset: place(each, 24),
      size: place(each, 32),
      link: each.readUInt32LE(40),
    })),
    segments: pieces(segments, SEGMENT_BYTES).flatMap((each) =>
      each.readUInt32LE(0) === LOAD
        ? {
            offset: each.readBigUInt64LE(8),
            address: each.readBigUInt64LE(16),
            size: each.readBigUInt64LE(32),
          }
        : [],
    ),
  };
}

/** Which of the wanted functions a library exports. */
export async function exportedFunctions(
  file: FileHandle,
  elf: ElfFile,
  wanted: ReadonlySet<string>,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const section of elf.sections.filter(({ type }) => type === DYNSYM)) {
    const strings = await stringsOf(file, elf, section);
    if (!strings) continue;
    await eachFunction(file, section, (nameAt) => {
      const name = textAt(strings, nameAt);
      if (wanted.has(name)) found.add(name);
    });
  }
  return found;
}

/**
 * The names of the functions at offsets of a file; offsets within none are left out. Static symbols
 * are looked at as well, where the file was not stripped of them.
 */
export async function functionsAt(
  file: FileHandle,
  elf: ElfFile,
  offsets: readonly bigint[],
): Promise<Map<bigint, string>> {
  const addresses = new Map(
    offsets.flatMap((offset) => {
      const address = addressOf(elf, offset);
      return address === undefined ? [] : [[address, offset] as const];
    }),
  );
  const found = new Map<bigint, string>();
  for (const section of elf.sections.filter(({ type }) => type === SYMTAB || type === DYNSYM)) {
    const hits: [nameAt: number, offset: bigint][] = [];
    await eachFunction(file, section, (nameAt, address) => {
      const offset = addresses.get(address);
      if (offset !== undefined && !found.has(offset)) hits.push([nameAt, offset]);
    });
    const strings = hits.length > 0 ? await stringsOf(file, elf, section) : undefined;
    for (const [nameAt, offset] of strings ? hits : []) {
      const name = strings ? textAt(strings, nameAt) : "";
      if (name !== "") found.set(offset, name);
    }
  }
  return found;
}

function addressOf({ segments }: ElfFile, offset: bigint): bigint | undefined {
  const within = segments.find((each) => offset >= each.offset && offset < each.offset + each.size);
  return within && within.address + offset - within.offset;
}

async function stringsOf(
  file: FileHandle,
  { sections }: ElfFile,
  { link }: Section,
): Promise<Buffer | undefined> {
  const strings = sections[link];
  return strings && bytesAt(file, strings.offset, strings.size);
}

/** Every defined function of a symbol table, read piece by piece. */
async function eachFunction(
  file: FileHandle,
  { offset, size }: Section,
  take: (nameAt: number, address: bigint) => void,
): Promise<void> {
  const count = Math.floor(Math.min(size, MAX_TABLE_BYTES) / SYMBOL_BYTES);
  for (let at = 0; at < count; at += CHUNK_SYMBOLS) {
    const length = Math.min(CHUNK_SYMBOLS, count - at) * SYMBOL_BYTES;
    const table = await bytesAt(file, offset + at * SYMBOL_BYTES, length);
    if (!table) return;
    for (let i = 0; i < length; i += SYMBOL_BYTES) {
      const isFunction = (table.readUInt8(i + 4) & 0xf) === FUNCTION;
      const isDefined = table.readUInt16LE(i + 6) !== 0;
      if (isFunction && isDefined) take(table.readUInt32LE(i), table.readBigUInt64LE(i + 8));
    }
  }
}

function textAt(strings: Buffer, from: number): string {
  if (from >= strings.length) return "";
  const bounded = strings.subarray(from, from + MAX_NAME_BYTES);
  const end = bounded.indexOf(0);
  return end < 0 ? "" : bounded.toString("latin1", 0, end);
}

/** An offset or size beyond what a file can hold becomes one that reading fails at. */
function place(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function pieces(bytes: Buffer, size: number): Buffer[] {
  const count = Math.floor(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

async function bytesAt(
  file: FileHandle,
  from: number,
  length: number,
): Promise<Buffer | undefined> {
  if (!Number.isSafeInteger(from + length) || length > MAX_TABLE_BYTES) return undefined;
  const { size } = await file.stat();
  if (from + length > size) return undefined;
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(bytes, got, length - got, from + got);
    if (bytesRead === 0) return undefined;
    got += bytesRead;
  }
  return bytes;
}
