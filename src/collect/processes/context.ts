import { join } from "node:path";
import type { Ancestor, ProcessSighting } from "../../model/sample.ts";
import { readBounded, readLink } from "../files.ts";
import { holdsGpu } from "./holders.ts";
import { LineageReader } from "./lineage.ts";
import { readMapped } from "./mapped.ts";
import {
  MAX_PATH_LENGTH,
  parseCmdline,
  parseLoginUid,
  parseStat,
  parseUid,
  type StatLine,
} from "./parse.ts";
import type { UserNames } from "./users.ts";
import { setNewest } from "../../model/recent.ts";

/** Where a process comes from and what it computes with: what is dearer to read than its own fields. */
export type ProcessContext = Pick<
  ProcessSighting,
  "loginUser" | "lineage" | "holdsDevice" | "mapped"
>;

export interface ContextDeps {
  monotonicMs(): number;
  startTimeMs(stat: StatLine): number | undefined;
  users: UserNames;
  /** Whether open files are looked through for a GPU. */
  openFiles: boolean;
}

const MAX_STAT_BYTES = 4096;
const MAX_STATUS_BYTES = 8192;
const MAX_TITLE_BYTES = 4096;
const ANCESTOR_REFRESH_MS = 60_000;
/** A program loads its libraries as it starts, and hardly any after that. */
const YOUNG_MS = 120_000;
const MAPPED_REFRESH_MS = 600_000;
const MAX_MAPPED_KEPT = 4096;

interface KeptMapped {
  startTicks: number;
  comm: string;
  firstReadAtMs: number;
  readAtMs: number;
  mapped: readonly string[] | undefined;
}

/** Reads {@link ProcessContext}. Never throws: what may not be read is absent. */
export class ContextReader {
  readonly #root: string;
  readonly #deps: ContextDeps;
  readonly #lineages: LineageReader;
  readonly #mapped = new Map<number, KeptMapped>();

  constructor(procRoot: string, deps: ContextDeps) {
    this.#root = procRoot;
    this.#deps = deps;
    const { monotonicMs } = deps;
    const stat = (pid: number): StatLine | undefined =>
      parseStat(this.#file(pid, "stat", MAX_STAT_BYTES) ?? "");
    const describe = (pid: number, line: StatLine): Ancestor => this.#ancestor(pid, line);
    this.#lineages = new LineageReader({ stat, describe, monotonicMs }, ANCESTOR_REFRESH_MS);
  }

  read(pid: number, stat: StatLine): ProcessContext {
    const login = parseLoginUid(this.#file(pid, "loginuid", 32) ?? "");
    const lineage = this.#lineages.of(stat);
    const holdsDevice = this.#deps.openFiles ? holdsGpu(this.#root, pid) : undefined;
    const mapped = this.#mappedOf(pid, stat);
    return {
      ...(login !== undefined && { loginUser: this.#deps.users.nameOf(login) }),
      ...(lineage && { lineage }),
      ...(holdsDevice !== undefined && { holdsDevice }),
      ...(mapped && { mapped }),
    };
  }

  #mappedOf(pid: number, { startTicks, comm }: StatLine): readonly string[] | undefined {
    const nowMs = this.#deps.monotonicMs();
    const kept = this.#mapped.get(pid);
    const same = kept?.startTicks === startTicks && kept.comm === comm ? kept : undefined;
    const firstReadAtMs = same?.firstReadAtMs ?? nowMs;
    const isSettled = same !== undefined && same.readAtMs - firstReadAtMs >= YOUNG_MS;
    if (isSettled && nowMs - same.readAtMs < MAPPED_REFRESH_MS) return same.mapped;
    const mapped = readMapped(join(this.#root, String(pid), "maps"));
    const read = { startTicks, comm, firstReadAtMs, readAtMs: nowMs, mapped };
    setNewest(this.#mapped, pid, read, MAX_MAPPED_KEPT);
    return mapped;
  }

  #ancestor(pid: number, stat: StatLine): Ancestor {
    const startTimeMs = this.#deps.startTimeMs(stat);
    const exe = readLink(join(this.#root, String(pid), "exe"))?.slice(0, MAX_PATH_LENGTH);
    const uid = parseUid(this.#file(pid, "status", MAX_STATUS_BYTES) ?? "");
    const [title] = parseCmdline(this.#file(pid, "cmdline", MAX_TITLE_BYTES) ?? "");
    return {
      pid,
      ...(startTimeMs !== undefined && { startTimeMs }),
      comm: stat.comm,
      ...(exe !== undefined && { exe }),
      ...(title !== undefined && { title }),
      ...(uid !== undefined && { user: this.#deps.users.nameOf(uid) }),
    };
  }

  #file(pid: number, name: string, maxBytes: number): string | undefined {
    return readBounded(join(this.#root, String(pid), name), maxBytes);
  }
}
