import { readDescriptors } from "./descriptors.ts";
import type { HolderHint } from "./board.ts";
import type { Entry, ProcessTable } from "./table.ts";

/** Links that are read in one scan to find holders nobody has named. */
const LINKS_A_SCAN = 3000;
/** Of one process. */
const MAX_LINKS = 4096;
/** A program opens its GPU soon after it began: so long it is looked at in each scan. */
const YOUNG_LOOKS = 4;

interface Looked {
  times: number;
  isHolder: boolean;
  isDenied: boolean;
}

/**
 * Which processes hold a GPU: those the drivers name, and those that have its device file open, which are
 * looked for among all processes in turn, the young ones first.
 */
export class HolderSearch {
  readonly #root: string;
  readonly #table: ProcessTable;
  #looked = new WeakMap<Entry, Looked>();
  /** What the drivers named, bound to the process that had the number when it was named first. */
  #named = new Map<string, Entry>();
  #namedNow: ReadonlySet<Entry> = new Set();
  /** Of the round under way, taken from the end. */
  #queue: Entry[] = [];
  #rounds = 0;

  constructor(procRoot: string, table: ProcessTable) {
    this.#root = procRoot;
    this.#table = table;
  }

  /** All processes have been looked through, once at least. */
  get isComplete(): boolean {
    return this.#rounds > 0;
  }

  /** Processes whose open files may not be looked at. */
  denied(): number {
    let count = 0;
    for (const entry of this.#table.entries()) if (this.#looked.get(entry)?.isDenied) count += 1;
    return count;
  }

  /** The holders now. @param hints what the drivers name, with the start times that were told with it */
  find(hints: readonly HolderHint[], isOwn: (entry: Entry) => boolean): Set<Entry> {
    const holders = this.#bind(hints);
    for (const entry of this.#table.entries())
      if (this.#looked.get(entry)?.isHolder && this.#table.isCurrent(entry)) holders.add(entry);
    const lookAt = (entry: Entry): number => {
      if (isOwn(entry) || entry.isKernel) return 0;
      const links = this.#look(entry);
      if (this.#looked.get(entry)?.isHolder) holders.add(entry);
      return links;
    };
    // Half of it for each, so that many young ones do not keep the others waiting.
    let links = LINKS_A_SCAN;
    for (const entry of this.#young()) {
      if (links <= LINKS_A_SCAN / 2) break;
      links -= lookAt(entry);
    }
    if (this.#queue.length === 0) this.#queue = [...this.#table.entries()];
    while (links > 0 && this.#queue.length > 0) {
      const entry = this.#queue.pop();
      if (entry && this.#table.has(entry)) links -= lookAt(entry);
    }
    if (this.#queue.length === 0) this.#rounds += 1;
    return holders;
  }

  /** A driver names it: it is in the list of its device. */
  isNamed(entry: Entry): boolean {
    return this.#namedNow.has(entry);
  }

  /** What a look at a process in passing has shown. */
  note(entry: Entry, holdsDevice: boolean): void {
    const times = this.#looked.get(entry)?.times ?? 0;
    this.#looked.set(entry, { times, isHolder: holdsDevice, isDenied: false });
  }

  #bind(hints: readonly HolderHint[]): Set<Entry> {
    const named = new Map<string, Entry>();
    for (const { pid, startTimeMs } of hints) {
      const key = `${pid} ${startTimeMs}`;
      const known = this.#named.get(key);
      const entry = this.#table.current(pid);
      // The number has passed on since: whoever has it now was not named.
      if (entry && (known === undefined || known === entry)) named.set(key, entry);
    }
    this.#named = named;
    this.#namedNow = new Set(named.values());
    return new Set(this.#namedNow);
  }

  /** Those that were looked at least often first, of them the youngest. */
  #young(): Entry[] {
    const times = (entry: Entry): number => this.#looked.get(entry)?.times ?? 0;
    const young = [...this.#table.entries()].filter(
      (entry) => this.#table.isYoung(entry) && times(entry) < YOUNG_LOOKS,
    );
    return young.sort((a, b) => times(a) - times(b) || b.startTicks - a.startTicks);
  }

  /** @returns what the look cost, in links */
  #look(entry: Entry): number {
    const seen = readDescriptors(this.#root, entry.pid, MAX_LINKS);
    const times = (this.#looked.get(entry)?.times ?? 0) + 1;
    const isDenied = seen === "denied";
    const holdsDevice = typeof seen !== "string" && seen.holdsDevice;
    // Only what is sure to have been this process's counts.
    const isHolder = holdsDevice && this.#table.isCurrent(entry);
    this.#looked.set(entry, { times, isHolder, isDenied });
    // To list a folder costs about as much as three links.
    return typeof seen === "string" ? 3 : seen.looked + 3;
  }
}
