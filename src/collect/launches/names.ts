import { functionsAt, readElf } from "./elf.ts";
import { mappingsOf, openMapped } from "./libraries.ts";
import type { FileMapping } from "./maps.ts";
import type { WindowMaps } from "./output.ts";
import { setNewest } from "../../model/recent.ts";

/** A process, for as long as it runs. */
export interface NamedProcess {
  pid: number;
  /** When it began, by the kernel's ticks: a pid is reused. */
  startTicks: number;
}

const MAX_PROCESSES = 64;
const MAX_NAMES = 4096;
/** Addresses that are looked up in the program's own files in one window. */
const MAX_LOOKUPS = 256;

interface Book {
  startTicks: number;
  names: Map<string, string>;
  /** Addresses that no file has a name for: they are not looked up again. */
  nameless: Set<string>;
}

/**
 * What kernels are called, kept over the windows: a name is told when a kernel is loaded, which is
 * long before most of its launches. What was loaded before the first window stays without one, but
 * for kernels that the CUDA or HIP runtime launches: their functions in the program have symbols.
 */
export class KernelNames {
  readonly #procRoot: string;
  readonly #books = new Map<number, Book>();

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  /** Takes in what a window told, and looks up what it did not. */
  async learn(maps: WindowMaps, processes: readonly NamedProcess[]): Promise<void> {
    for (const process of processes) {
      const book = this.#bookOf(process);
      const own = `${process.pid} `;
      for (const [key, name] of maps.names)
        if (key.startsWith(own) && name !== "") keep(book, key.slice(own.length), name);
      for (const [key, to] of maps.aliases) {
        const name = book.names.get(to.slice(own.length));
        if (key.startsWith(own) && name !== undefined) keep(book, key.slice(own.length), name);
      }
      await this.#lookUp(maps, process.pid, book).catch(() => undefined);
    }
  }

  nameOf(pid: number, handle: string): string | undefined {
    return this.#books.get(pid)?.names.get(handle);
  }

  #bookOf({ pid, startTicks }: NamedProcess): Book {
    const known = this.#books.get(pid);
    const isSame = known?.startTicks === startTicks;
    const book = isSame ? known : { startTicks, names: new Map(), nameless: new Set<string>() };
    setNewest(this.#books, pid, book, MAX_PROCESSES);
    return book;
  }

  /** Functions of the program that stand for kernels: by the symbols of the files they lie in. */
  async #lookUp(maps: WindowMaps, pid: number, book: Book): Promise<void> {
    const own = `${pid} `;
    const stubs = [...maps.stubs].filter(([key]) => key.startsWith(own));
    const handlesOf = new Map<string, string[]>();
    const note = (address: string, handle: string): void => {
      if (book.names.has(handle) || book.nameless.has(address)) return;
      if (handlesOf.size >= MAX_LOOKUPS && !handlesOf.has(address)) return;
      handlesOf.set(address, [...(handlesOf.get(address) ?? []), handle]);
    };
    for (const [key, to] of stubs) note(to.slice(own.length), key.slice(own.length));
    for (const { pid: of, handle } of maps.launches) if (of === pid) note(handle, handle);
    if (handlesOf.size === 0) return;
    const found = await namesAt(this.#procRoot, pid, [...handlesOf.keys()]);
    for (const [address, handles] of handlesOf) {
      const name = found.get(address);
      if (name === undefined && book.nameless.size < MAX_NAMES) book.nameless.add(address);
      for (const handle of name === undefined ? [] : handles) keep(book, handle, name ?? "");
    }
  }
}

function keep({ names }: Book, handle: string, name: string): void {
  if (names.has(handle) || names.size < MAX_NAMES) names.set(handle, name);
}

/** Names of the functions that begin at these addresses of a process. */
async function namesAt(
  procRoot: string,
  pid: number,
  addresses: readonly string[],
): Promise<Map<string, string>> {
  const wanted = addresses.flatMap((address) =>
    /^\d{1,20}$/.test(address) && address !== "0" ? [{ address, at: BigInt(address) }] : [],
  );
  const mappings = (await mappingsOf(procRoot, pid, () => true)).filter(
    (each) => each.isExecutable,
  );
  const byFile = new Map<string, { mapping: FileMapping; offsets: Map<bigint, string> }>();
  for (const { address, at } of wanted) {
    const mapping = mappings.find(
      ({ fromAddress, toAddress }) => at >= fromAddress && at < toAddress,
    );
    if (!mapping) continue;
    const known = byFile.get(mapping.file) ?? { mapping, offsets: new Map<bigint, string>() };
    known.offsets.set(at - mapping.fromAddress + mapping.offset, address);
    byFile.set(mapping.file, known);
  }
  const found = new Map<string, string>();
  for (const { mapping, offsets } of byFile.values())
    for (const [offset, name] of await symbolsOf(procRoot, pid, mapping, [...offsets.keys()])) {
      const address = offsets.get(offset);
      if (address !== undefined) found.set(address, name);
    }
  return found;
}

async function symbolsOf(
  procRoot: string,
  pid: number,
  mapping: FileMapping,
  offsets: readonly bigint[],
): Promise<Map<bigint, string>> {
  const handle = await openMapped(procRoot, pid, mapping);
  if (!handle) return new Map();
  try {
    const elf = await readElf(handle);
    return elf ? await functionsAt(handle, elf, offsets) : new Map();
  } finally {
    await handle.close();
  }
}
