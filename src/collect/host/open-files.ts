import { type Descriptors, readDescriptors } from "./descriptors.ts";
import type { Entry, ProcessTable } from "./table.ts";

/** Looks at a process, from its first on, between which no scan is left out. */
const FIRST_LOOKS = 4;
/** After that one without a connection or a device is looked at in every so many scans. */
const QUIET_SCANS = 4;

interface Kept {
  files: Descriptors | "denied";
  looks: number;
  isConnected: boolean;
}

/**
 * What members of trees have open. One that has a connection or a device is looked at in each scan, the
 * others in every fourth: most of a tree are workers with files alone, and links are the dearest
 * thing that a scan reads.
 */
export class OpenFiles {
  readonly #root: string;
  readonly #table: ProcessTable;
  readonly #kept = new WeakMap<Entry, Kept>();
  #scan = 0;

  constructor(procRoot: string, table: ProcessTable) {
    this.#root = procRoot;
    this.#table = table;
  }

  /** Begins a scan. */
  begin(): void {
    this.#scan += 1;
  }

  /**
   * @param maxLinks that are read at most
   * @returns with how many links were read; `gone` where it ended, or its number has passed on
   */
  read(entry: Entry, maxLinks: number): { files: Descriptors | "denied"; looked: number } | "gone" {
    const kept = this.#kept.get(entry);
    if (kept && !this.#isDue(entry, kept)) return { files: kept.files, looked: 0 };
    const files = readDescriptors(this.#root, entry.pid, maxLinks);
    // The same process after as before: all that was read between is its own.
    if (files === "gone" || !this.#table.isCurrent(entry)) return "gone";
    this.#kept.set(entry, {
      files,
      looks: (kept?.looks ?? 0) + 1,
      isConnected: kept?.isConnected ?? false,
    });
    return { files, looked: files === "denied" ? 0 : files.looked };
  }

  /** Whether a connection of it was told in this scan: sockets within the node are no reason to hurry. */
  note(entry: Entry, isConnected: boolean): void {
    const kept = this.#kept.get(entry);
    if (kept) kept.isConnected = isConnected;
  }

  #isDue({ pid }: Entry, { files, looks, isConnected }: Kept): boolean {
    if (looks < FIRST_LOOKS || (pid + this.#scan) % QUIET_SCANS === 0) return true;
    return isConnected || (files !== "denied" && (files.isCut || files.holdsDevice));
  }
}
