import { join } from "node:path";
import type { DrmClient } from "./fdinfo.ts";
import { listNames } from "./files.ts";
import {
  type DeviceNames,
  type Holder,
  Inspection,
  isHostView,
  listProcesses,
  readFdInfo,
} from "./inspect.ts";
import { hasWorked } from "./rates.ts";

/** A client with the process that it is counted to. */
export interface HeldClient {
  pid: number;
  usesKfd: boolean;
  client: DrmClient;
  /** It is as it was at an earlier look. */
  isOld: boolean;
}

export interface HolderDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

/** Between the beginnings of two looks through all processes. */
const CYCLE_MS = 5000;
/** And when a device is known to have been opened or closed. */
const HURRIED_CYCLE_MS = 1000;
/** Of all time that the looks may take: a node with very many processes is looked through less often. */
const CYCLE_SHARE = 0.02;
/** Steps between two looks at the clock. */
const STEPS_A_CHECK = 4;
/** Steps for a process that must be looked through within a tick. */
const STEPS_AT_ONCE = 32;
/** When a device was opened, these are looked at before all others. */
const YOUNGEST = 64;

/**
 * Finds the processes that hold a DRM device, by the links in `/proc/PID/fd`: all processes one after
 * the other, in slices, so that no call takes much longer than its budget. What is likely to have
 * opened a device is looked at first: whoever the kernel names, who held one before, who is young.
 */
export class HolderScan {
  readonly #root: string;
  readonly #deps: HolderDeps;
  readonly #holders = new Map<number, Holder>();
  /** Taken from the end, so that the youngest come first. */
  #queue: number[] = [];
  #urgent: number[] = [];
  /** Whom the kernel named as a user, and who of them and of the holders is not looked at since. */
  #likely: readonly number[] = [];
  #asked = new Set<number>();
  #current: Inspection | undefined;
  /** Processes that may not be looked into. */
  #hidden = new Set<number>();
  /** Processes that had a client that is gone, and are not looked through since. */
  readonly #unsettled = new Set<number>();
  #seesAll = false;
  #isRunning = false;
  /** A look is wanted that has not begun, or has not ended. */
  #isHurried = false;
  #isStale = true;
  #hurriedAtMs = Number.NEGATIVE_INFINITY;
  #cycles = 0;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #spentMs = 0;

  constructor(procRoot: string, deps: HolderDeps) {
    this.#root = procRoot;
    this.#deps = deps;
  }

  /** Every process could be looked into, and has been, once at least. */
  get isComplete(): boolean {
    const isWhole = this.#hidden.size === 0 && this.#unsettled.size === 0;
    return this.#cycles > 0 && this.#seesAll && isWhole;
  }

  /** Nothing is known to have been opened or closed since the last whole look began. */
  get isFresh(): boolean {
    return !this.#isStale;
  }

  /** Why the lists will not be whole; undefined where nothing is in the way. */
  get obstacle(): string | undefined {
    if (this.#hidden.size > 0) return `${this.#hidden.size} processes cannot be looked into`;
    return this.#seesAll ? undefined : "not all processes of the host are visible";
  }

  /** Every process that the kernel named at the last {@link hurry} is a holder, and is looked through. */
  get isAnswered(): boolean {
    return this.#asked.size === 0 && this.#likely.every((pid) => this.#holders.has(pid));
  }

  /** A device was opened or closed. @param likely processes that the kernel names */
  hurry(likely: readonly number[] = []): void {
    this.#markStale();
    this.#likely = likely;
    this.#asked = new Set([...this.#holders.keys(), ...likely]);
    // The last is taken first, and once.
    const urgent = [...this.#youngest(), ...this.#urgent, ...this.#asked];
    this.#urgent = [...new Set(urgent.reverse())].reverse();
  }

  /** None where they were listed just now: listing all processes takes its time. */
  #youngest(): number[] {
    const nowMs = this.#deps.monotonicMs();
    if (nowMs - this.#hurriedAtMs < HURRIED_CYCLE_MS) return [];
    this.#hurriedAtMs = nowMs;
    return listProcesses(this.#root).slice(-YOUNGEST);
  }

  /** Looks at these before the others, unless they are known. */
  suggest(pids: readonly number[]): void {
    this.#urgent.push(...pids.filter((pid) => !this.#holders.has(pid)));
  }

  /** Goes on looking for about `budgetMs`, or begins anew when it is time. */
  advance(budgetMs: number, names: DeviceNames): void {
    const startMs = this.#deps.monotonicMs();
    if (!this.#isRunning) this.#begin(startMs);
    for (let step = 1; this.#step(names); step++) {
      if (step % STEPS_A_CHECK === 0 && this.#deps.monotonicMs() - startMs >= budgetMs) break;
    }
    this.#spentMs += this.#deps.monotonicMs() - startMs;
  }

  /**
   * Every client once, read anew. One that several processes hold (a child inherits its parent's
   * descriptors) goes to the lowest process number: most often the one that opened it, and a child
   * cannot use its parent's context anyway.
   * @param kfdTells the compute driver names its processes: what they only hold open need not be asked
   */
  read(names: DeviceNames, kfdTells = false): HeldClient[] {
    const read: HeldClient[] = [];
    const taken = new Set<string>();
    const pids = [...this.#holders.keys()].sort((a, b) => a - b);
    for (const pid of pids) {
      const isSpared = (client: DrmClient): boolean =>
        names.asleepSlots.has(client.slot) ||
        (kfdTells && this.#holders.get(pid)?.usesKfd === true && !hasWorked(client));
      if (!this.#refresh(pid, taken, isSpared)) this.#inspectAgain(pid, names);
      const { clients, usesKfd } = this.#holders.get(pid) ?? NOBODY;
      for (const [key, { client }] of clients) {
        if (taken.has(key)) continue;
        taken.add(key);
        read.push({ pid, usesKfd, client, isOld: isSpared(client) });
      }
    }
    return read;
  }

  /** @returns false when a client is not where it was: closed, or its process has ended */
  #refresh(
    pid: number,
    taken: ReadonlySet<string>,
    isSpared: (client: DrmClient) => boolean,
  ): boolean {
    const path = join(this.#root, String(pid));
    for (const [key, held] of this.#holders.get(pid)?.clients ?? []) {
      if (taken.has(key) || isSpared(held.client)) continue;
      const info = readFdInfo(path, held.fd);
      if (info?.kind !== "client" || info.client.key !== key) return false;
      held.client = info.client;
    }
    return true;
  }

  /** At once: else a list would lack a process that has only opened its card anew. */
  #inspectAgain(pid: number, names: DeviceNames): void {
    this.#markStale();
    const inspection = this.#open(pid);
    this.#holders.delete(pid);
    if (!inspection) return;
    for (let step = 0; step < STEPS_AT_ONCE; step++) {
      if (!inspection.step(names)) continue;
      this.#close(inspection);
      return;
    }
    // It has too many descriptors for one tick: until it is looked through, lists are not whole.
    this.#unsettled.add(pid);
    this.#urgent.push(pid);
  }

  #markStale(): void {
    this.#isHurried = true;
    this.#isStale = true;
  }

  #begin(nowMs: number): void {
    const sinceMs = nowMs - this.#startedAtMs;
    const isDue = sinceMs >= Math.max(CYCLE_MS, this.#spentMs / CYCLE_SHARE);
    if (!isDue && !(this.#isHurried && sinceMs >= HURRIED_CYCLE_MS)) return;
    this.#queue = listProcesses(this.#root);
    this.#seesAll = isHostView(this.#root, this.#queue);
    this.#keepOnly(new Set(this.#queue));
    this.#startedAtMs = nowMs;
    this.#spentMs = 0;
    this.#isRunning = true;
    this.#isHurried = false;
  }

  #keepOnly(pids: ReadonlySet<number>): void {
    for (const gone of [this.#hidden, this.#unsettled])
      for (const pid of gone) if (!pids.has(pid)) gone.delete(pid);
    for (const pid of this.#holders.keys()) if (!pids.has(pid)) this.#holders.delete(pid);
  }

  /** @returns false when there is nothing left to look at */
  #step(names: DeviceNames): boolean {
    if (this.#current) {
      if (!this.#current.step(names)) return true;
      this.#close(this.#current);
      this.#current = undefined;
      return true;
    }
    const pid = this.#urgent.pop() ?? this.#queue.pop();
    if (pid !== undefined) this.#current = this.#open(pid);
    else if (this.#isRunning) this.#finish();
    return pid !== undefined;
  }

  #finish(): void {
    this.#isRunning = false;
    this.#cycles += 1;
    this.#isStale = this.#isHurried;
  }

  #open(pid: number): Inspection | undefined {
    const path = join(this.#root, String(pid));
    const fds = listNames(join(path, "fd"));
    if (fds === "denied") this.#hidden.add(pid);
    else this.#hidden.delete(pid);
    if (typeof fds !== "string" && fds.length > 0)
      return new Inspection(pid, path, fds, this.#holders.get(pid));
    this.#holders.delete(pid);
    this.#settle(pid);
    return undefined;
  }

  #close({ holder, hidden }: Inspection): void {
    this.#settle(holder.pid);
    if (hidden) this.#hidden.add(holder.pid);
    if (holder.clients.size > 0) this.#holders.set(holder.pid, holder);
    else this.#holders.delete(holder.pid);
  }

  #settle(pid: number): void {
    this.#unsettled.delete(pid);
    this.#asked.delete(pid);
  }
}

const NOBODY: Pick<Holder, "clients" | "usesKfd"> = { clients: new Map(), usesKfd: false };
