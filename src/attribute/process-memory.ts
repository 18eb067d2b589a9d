import type { OwnerIdentity } from "../model/owner.ts";
import type { Ancestor, ProcessSighting } from "../model/sample.ts";

/** Processes that are kept in mind, those not seen for longest forgotten first. */
const MAX_PROCESSES = 20_000;
/** A process that a device's lists have not had for so long has left it. */
const ON_DEVICE_MS = 60_000;

/** One process, with all that was seen of it: what its last moments no longer show stays. */
export class Remembered {
  readonly key: string;
  process: ProcessSighting;
  firstSeenMs: number;
  lastSeenMs: number;
  /** By itself alone, and with the tree that it is in. */
  own: OwnerIdentity | undefined;
  identity: OwnerIdentity | undefined;
  /** Of what the identities rest on beside the process. */
  version = -1;
  treeVersion = -1;
  isChanged = true;
  private readonly devices = new Map<number, number>();

  constructor(key: string, process: ProcessSighting, atMs: number) {
    this.key = key;
    this.process = process;
    this.firstSeenMs = atMs;
    this.lastSeenMs = atMs;
  }

  /** Devices that it was seen on lately, in order. */
  gpus(): number[] {
    return [...this.devices.keys()].sort((a, b) => a - b);
  }

  see(process: ProcessSighting, atMs: number, gpu: number | undefined): void {
    const merged = mergedWith(this.process, process);
    if (merged !== this.process) this.isChanged = true;
    this.process = merged;
    this.lastSeenMs = Math.max(this.lastSeenMs, atMs);
    if (gpu === undefined) return;
    if (!this.devices.has(gpu)) this.isChanged = true;
    this.devices.set(gpu, atMs);
    for (const [other, lastMs] of this.devices)
      if (lastMs < atMs - ON_DEVICE_MS) {
        this.devices.delete(other);
        this.isChanged = true;
      }
  }
}

/** The processes of a node, each for good by its pid and start. Bounded. */
export class ProcessMemory {
  private readonly max: number;
  /** In the order of last sight. */
  private readonly known = new Map<string, Remembered>();
  private readonly byPid = new Map<number, Set<Remembered>>();

  constructor(max: number = MAX_PROCESSES) {
    this.max = max;
  }

  note(process: ProcessSighting, atMs: number, gpu?: number): Remembered {
    const known = this.find(process);
    const entry = known ?? new Remembered(keyOf(process), process, atMs);
    // A line of the driver's books: it says when it was used, and no more of the process.
    if (known && (process.exited || isBare(process))) return known;
    entry.see(process, atMs, gpu);
    this.known.delete(entry.key);
    this.known.set(entry.key, entry);
    const samePid = this.byPid.get(process.pid);
    if (samePid) samePid.add(entry);
    else this.byPid.set(process.pid, new Set([entry]));
    this.forgetOldest();
    return entry;
  }

  /** One that nothing is remembered of, nor will be. */
  alone(process: ProcessSighting): Remembered {
    return new Remembered(keyOf(process), process, 0);
  }

  /** The process that a sighting, or a word on an ancestor, is of. */
  find(process: ProcessSighting | Ancestor): Remembered | undefined {
    const exact = this.known.get(keyOf(process));
    if (exact) return exact;
    const { pid, startTimeMs } = process;
    const isOld = "exited" in process && process.exited === true;
    if (startTimeMs === undefined || !(isOld || isBare(process))) return undefined;
    // A driver's start is that of the use: whoever had the pid around that moment.
    return [...(this.byPid.get(pid) ?? [])].find(
      (each) =>
        each.process.startTimeMs !== undefined &&
        each.process.startTimeMs <= startTimeMs &&
        startTimeMs <= each.lastSeenMs,
    );
  }

  private forgetOldest(): void {
    if (this.known.size <= this.max) return;
    const [oldest] = this.known.values();
    if (!oldest) return;
    this.known.delete(oldest.key);
    const samePid = this.byPid.get(oldest.process.pid);
    samePid?.delete(oldest);
    if (samePid?.size === 0) this.byPid.delete(oldest.process.pid);
  }
}

/** Pids are reused: the start is part of the name, and without it everything else that is known. */
export function keyOf(process: ProcessSighting | Ancestor): string {
  const { pid, startTimeMs, comm, exe, user } = process;
  if (startTimeMs !== undefined) return `${pid} ${startTimeMs}`;
  const { cgroup, argv, environ } = "cgroup" in process ? process : {};
  return JSON.stringify([pid, comm, exe, user, cgroup, argv, environ]);
}

/** Nothing is known of it but its number. */
function isBare({ comm, exe, user }: ProcessSighting | Ancestor): boolean {
  return comm === undefined && exe === undefined && user === undefined;
}

const TEXTS = ["comm", "exe", "user", "uid", "loginUser", "ppid"] as const;

/**
 * What is known of a process after another look. A process that ends shows no program, arguments or
 * variables any more, and one whose parent ended shows another parent: what was known stays.
 * @returns `before` itself where the look showed nothing new
 */
function mergedWith(before: ProcessSighting, now: ProcessSighting): ProcessSighting {
  const argv = now.argv?.length ? now.argv : before.argv;
  const environ = Object.keys(now.environ ?? {}).length > 0 ? now.environ : before.environ;
  // One that has ended is in the root group.
  const cgroup = now.cgroup === "/" ? (before.cgroup ?? "/") : now.cgroup;
  const isShorter = (now.lineage?.length ?? 0) < (before.lineage?.length ?? 0);
  const lineage = isShorter ? before.lineage : now.lineage;
  const isSame =
    (cgroup === undefined || cgroup === before.cgroup) &&
    TEXTS.every((field) => now[field] === undefined || now[field] === before[field]) &&
    isEqual(argv, before.argv) &&
    isEqual(environ, before.environ) &&
    isEqual(lineage, before.lineage);
  if (isSame) return before;
  const present = Object.entries(now).filter(([, value]) => value !== undefined);
  return {
    ...before,
    ...Object.fromEntries(present),
    argv,
    environ,
    lineage,
    cgroup: cgroup ?? before.cgroup,
  };
}

/** Most looks show the very same objects; those of a recording are read anew each time. */
function isEqual(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
