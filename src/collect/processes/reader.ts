import { join } from "node:path";
import type { ProcessSample, ProcessSighting } from "../../model/sample.ts";
import { readBounded, readLink } from "../files.ts";
import { ContextReader } from "./context.ts";
import { holdsDeviceFile, showsHostProcesses } from "./holders.ts";
import {
  MAX_PATH_LENGTH,
  parseBootTimeMs,
  parseCgroup,
  parseCmdline,
  parseEnviron,
  parseStat,
  parseUid,
  type StatLine,
} from "./parse.ts";
import { UserNames } from "./users.ts";
import { dropOldest } from "../../model/recent.ts";

/** What the host knows of a process: everything of a sighting but its use of a device. */
export type ProcessDetails = Omit<ProcessSighting, "pid" | "smUtil" | "memUtil" | "memUsedBytes">;

export interface ProcessReaderSettings {
  /** Where the processes are: `/proc`, or another mount or a captured tree. */
  procRoot?: string | undefined;
  /** Where the agent's own process namespace shows: `/proc`. */
  ownProcRoot?: string | undefined;
  /** `getconf CLK_TCK`; 100 on every Linux that Node runs on. */
  clockTicksPerSecond?: number | undefined;
  passwdPath?: string | undefined;
  /** Processes kept in mind: 4,096 by default. */
  cacheSize?: number | undefined;
  /** After this a process is read anew, since titles and variables may change: 10 s by default. */
  refreshMs?: number | undefined;
  /**
   * `trusted` takes a driver's pids for those of `procRoot`. `auto`, the default, does so where that
   * shows the host's processes, and elsewhere believes a pid only where it holds a GPU's device file.
   */
  pids?: "auto" | "trusted" | undefined;
  /** False for one who looks through the open files himself: `holdsDevice` is his to say then. */
  openFiles?: boolean | undefined;
  /** Reads each process anew up to half the time sooner, so that not all of them come at once. */
  stagger?: boolean | undefined;
}

export interface ProcessReaderDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

export interface ProcessReader {
  /**
   * What `/proc` tells of a process now. A field that may not be read is absent.
   * Strings are bounded but otherwise as the observed user wrote them: `sanitize` before showing.
   * @param startTicks of the process that is meant, where that is known
   * @returns undefined where there is no such process (any more)
   */
  describe(pid: number, startTicks?: number): ProcessDetails | undefined;
  /** The sample with the details of every process that could be described. */
  enrich(sample: ProcessSample): ProcessSample;
  /** How many of the last sample's processes the host did not know, though they should be running. */
  readonly unresolved: number;
  /** Whether pids are taken for those of the host: see {@link ProcessReaderSettings.pids}. */
  readonly seesHost: boolean;
}

interface Known {
  startTicks: number;
  comm: string;
  /** A device file was seen open: from then on the pid is this process's. */
  isHolder: boolean;
  /** Unix time of the last sample that saw it alive. */
  aliveAtMs?: number | undefined;
  readAtMs: number;
  details: ProcessDetails;
}

const MAX_STAT_BYTES = 4096;
const MAX_STATUS_BYTES = 8192;
const MAX_CMDLINE_BYTES = 64 * 1024;
const MAX_CGROUP_BYTES = 64 * 1024;
const MAX_ENVIRON_BYTES = 256 * 1024;
const STAGGER = 61;
const MAX_PROC_STAT_BYTES = 1024 ** 2;

/** Reads processes from `/proc`. It never throws: what is not there, or not allowed, is absent. */
export function createProcessReader(
  settings: ProcessReaderSettings,
  deps: ProcessReaderDeps,
): ProcessReader {
  return new ProcReader(settings, deps);
}

class ProcReader implements ProcessReader {
  readonly #root: string;
  readonly #ticksPerSecond: number;
  readonly #cacheSize: number;
  readonly #refreshMs: number;
  readonly #stagger: boolean;
  readonly #users: UserNames;
  readonly #context: ContextReader;
  readonly #deps: ProcessReaderDeps;
  readonly seesHost: boolean;
  /** All processes of the host are here, by the host's numbers: whoever is missing is hidden. */
  readonly #showsAll: boolean;
  unresolved = 0;
  /** In the order of last use, oldest first. */
  readonly #known = new Map<number, Known>();
  #bootTimeMs: number | undefined;

  constructor(settings: ProcessReaderSettings, deps: ProcessReaderDeps) {
    this.#root = settings.procRoot ?? "/proc";
    this.#ticksPerSecond = settings.clockTicksPerSecond ?? 100;
    this.#cacheSize = settings.cacheSize ?? 4096;
    this.#refreshMs = settings.refreshMs ?? 10_000;
    this.#stagger = settings.stagger ?? false;
    this.#users = new UserNames(settings.passwdPath ?? "/etc/passwd");
    this.#deps = deps;
    const showsHost = showsHostProcesses(this.#root);
    this.seesHost = settings.pids === "trusted" || showsHost;
    // A driver names its processes to whoever asks from the host's namespace, and to others only some.
    this.#showsAll = showsHost && showsHostProcesses(settings.ownProcRoot ?? "/proc");
    this.#context = new ContextReader(this.#root, {
      monotonicMs: () => deps.monotonicMs(),
      startTimeMs: (stat) => this.#startTimeMs(stat),
      users: this.#users,
      openFiles: settings.openFiles !== false,
    });
  }

  describe(pid: number, startTicks?: number): ProcessDetails | undefined {
    const stat = this.#stat(pid);
    if (!stat || stat.startTicks !== (startTicks ?? stat.startTicks)) return undefined;
    const known = this.#known.get(pid);
    this.#known.delete(pid);
    const same = known && isSame(known, stat) ? known : undefined;
    const isHolder = same?.isHolder === true || this.seesHost || this.#holds(pid);
    if (!isHolder) return undefined;
    const details = same && this.#isFresh(pid, same) ? same.details : this.#read(pid, stat);
    if (details && details === same?.details) this.#known.set(pid, same);
    else if (details) this.#remember(pid, stat, details);
    return details;
  }

  enrich(sample: ProcessSample): ProcessSample {
    this.unresolved = 0;
    const list = sample.list.map((seen) => {
      if (seen.exited) return { ...this.#remembered(seen), ...seen };
      const details = this.describe(seen.pid);
      if (details) this.#noteAlive(seen.pid, sample.atMs);
      else this.unresolved += 1;
      if (!details && this.#showsAll) return { ...seen, unlisted: true };
      return { ...details, ...seen };
    });
    return { ...sample, ...(!this.#showsAll && { partial: true }), list };
  }

  #noteAlive(pid: number, atMs: number): void {
    const known = this.#known.get(pid);
    if (known) known.aliveAtMs = atMs;
  }

  #holds(pid: number): boolean {
    return holdsDeviceFile(this.#root, pid);
  }

  /**
   * What was known of a process that is gone. It had the pid as long as it was seen alive: what began
   * to use the device by then was it, and what began later may be another one.
   */
  #remembered({ pid, startTimeMs }: ProcessSighting): ProcessDetails | undefined {
    const known = this.#known.get(pid);
    if (known?.aliveAtMs === undefined || startTimeMs === undefined) return undefined;
    const startedMs = known.details.startTimeMs ?? Number.POSITIVE_INFINITY;
    const isIt = startedMs <= startTimeMs && startTimeMs <= known.aliveAtMs;
    return isIt ? known.details : undefined;
  }

  #isFresh(pid: number, known: Known): boolean {
    const sooner = this.#stagger ? (pid % STAGGER) / STAGGER / 2 : 0;
    return this.#deps.monotonicMs() - known.readAtMs < this.#refreshMs * (1 - sooner);
  }

  #remember(pid: number, stat: StatLine, details: ProcessDetails): void {
    const { startTicks, comm } = stat;
    const readAtMs = this.#deps.monotonicMs();
    this.#known.set(pid, { startTicks, comm, isHolder: true, readAtMs, details });
    dropOldest(this.#known, this.#cacheSize);
  }

  #stat(pid: number): StatLine | undefined {
    const text = this.#file(pid, "stat", MAX_STAT_BYTES);
    return text === undefined ? undefined : parseStat(text);
  }

  #file(pid: number, name: string, maxBytes: number): string | undefined {
    return readBounded(join(this.#root, String(pid), name), maxBytes);
  }

  #read(pid: number, stat: StatLine): ProcessDetails | undefined {
    const details = this.#readFields(pid, stat);
    // The pid may have passed to another process while its files were read one by one.
    return this.#stat(pid)?.startTicks === stat.startTicks ? details : undefined;
  }

  #readFields(pid: number, stat: StatLine): ProcessDetails {
    const { comm, ppid } = stat;
    const exe = readLink(join(this.#root, String(pid), "exe"))?.slice(0, MAX_PATH_LENGTH);
    const uid = parseUid(this.#file(pid, "status", MAX_STATUS_BYTES) ?? "");
    const cmdline = this.#file(pid, "cmdline", MAX_CMDLINE_BYTES);
    const cgroup = parseCgroup(this.#file(pid, "cgroup", MAX_CGROUP_BYTES) ?? "");
    const environ = this.#file(pid, "environ", MAX_ENVIRON_BYTES);
    const startTimeMs = this.#startTimeMs(stat);
    return {
      comm,
      ppid,
      ...(startTimeMs !== undefined && { startTimeMs }),
      ...(exe !== undefined && { exe }),
      ...(cmdline !== undefined && { argv: parseCmdline(cmdline) }),
      ...(uid !== undefined && { uid, user: this.#users.nameOf(uid) }),
      ...(cgroup !== undefined && { cgroup }),
      ...(environ !== undefined && { environ: parseEnviron(environ) }),
      ...this.#context.read(pid, stat),
    };
  }

  #startTimeMs(stat: StatLine): number | undefined {
    // Read once: the kernel derives it from the wall clock, and a process must keep its start time.
    this.#bootTimeMs ??= parseBootTimeMs(
      readBounded(join(this.#root, "stat"), MAX_PROC_STAT_BYTES) ?? "",
    );
    if (this.#bootTimeMs === undefined) return undefined;
    return this.#bootTimeMs + Math.round((stat.startTicks * 1000) / this.#ticksPerSecond);
  }
}

/** The same process, running the same program: a name that changed means that another was started. */
function isSame(known: Known, stat: StatLine): boolean {
  return known.startTicks === stat.startTicks && known.comm === stat.comm;
}
