import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LaunchSample } from "../../model/sample.ts";
import { readBounded } from "../files.ts";
import { parseStat } from "../processes/parse.ts";
import { bpftraceEnvironment, firstError } from "./ability.ts";
import { runChild } from "./child.ts";
import { findLibraries, type FoundLibraries } from "./libraries.ts";
import type { KernelNames, NamedProcess } from "./names.ts";
import { parseOutput } from "./output.ts";
import { launchScript } from "./script.ts";
import { tally } from "./tally.ts";

export interface TraceSettings {
  procRoot: string;
  /** bpftrace. */
  path: string;
  windowMs: number;
  names: KernelNames;
  /** Unix milliseconds. */
  nowMs: () => number;
  signal?: AbortSignal | undefined;
  /** Where a folder for the program of the window is made. */
  folder?: string | undefined;
}

export interface Traced {
  samples: readonly LaunchSample[];
  /** Of those asked for, the processes with a library in which launches can be seen. */
  pids: ReadonlySet<number>;
  /** Files that probes were attached to. */
  libraries: number;
}

/** Processes that are watched in one window: more take turns. */
export const MAX_TRACED = 16;
/** Compiling, attaching and detaching: a second or two, on a busy machine more. */
const OVERHEAD_MS = 20_000;
const MIN_BUCKET_MS = 10;
const MAX_BUCKETS = 200;
const MAX_STAT_BYTES = 4096;
/** A window's end cannot lie further back than its detaching can take. */
const MAX_AGE_MS = 60_000;

/**
 * Watches for one window what these processes launch.
 * @throws Error where bpftrace fails
 */
export async function traceLaunches(
  pids: readonly number[],
  settings: TraceSettings,
): Promise<Traced> {
  const found = await findLibraries(settings.procRoot, pids.slice(0, MAX_TRACED));
  try {
    const watched = [...found.pids];
    const samples = watched.length === 0 ? [] : await watch(found, watched, settings);
    return { samples, pids: found.pids, libraries: found.libraries.length };
  } finally {
    await found.close();
  }
}

async function watch(
  found: FoundLibraries,
  pids: readonly number[],
  settings: TraceSettings,
): Promise<LaunchSample[]> {
  const { windowMs, procRoot, names, signal } = settings;
  const bucketMs = Math.max(MIN_BUCKET_MS, Math.ceil(windowMs / MAX_BUCKETS));
  const before = processesOf(procRoot, pids);
  const lines = await withScript(found, { ...settings, pids, bucketMs }, async (file) => {
    const end = await runChild({
      path: settings.path,
      args: ["-f", "json", file],
      environment: bpftraceEnvironment(),
      timeoutMs: windowMs + OVERHEAD_MS,
      signal,
    });
    if (end.code === 0 || signal?.aborted) return end.lines;
    const why = end.failure ?? firstError(end.messages) ?? `exit code ${end.code}`;
    throw new Error(`bpftrace: ${why}`);
  });
  const maps = parseOutput(lines);
  await names.learn(maps, before);
  const nameOf = (pid: number, handle: string): string | undefined => names.nameOf(pid, handle);
  return tally(maps, { atMs: endedAtMs(maps.endNs, settings), bucketMs, pids, nameOf });
}

/** The kernel's monotonic clock is the one that Node reads, too. */
function endedAtMs(endNs: number | undefined, { nowMs }: TraceSettings): number {
  const ageMs = endNs === undefined ? 0 : (Number(process.hrtime.bigint()) - endNs) / 1e6;
  const isPlausible = ageMs >= 0 && ageMs <= MAX_AGE_MS;
  return Math.round(nowMs() - (isPlausible ? ageMs : 0));
}

function processesOf(procRoot: string, pids: readonly number[]): NamedProcess[] {
  return pids.flatMap((pid) => {
    const stat = readBounded(join(procRoot, String(pid), "stat"), MAX_STAT_BYTES);
    const startTicks = stat === undefined ? undefined : parseStat(stat)?.startTicks;
    return startTicks === undefined ? [] : [{ pid, startTicks }];
  });
}

/**
 * Writes the program of a window into a private folder, beside links to the open libraries: their
 * own paths may hold anything, lie in another mount namespace, or name another file by now.
 */
async function withScript<T>(
  found: FoundLibraries,
  settings: TraceSettings & { pids: readonly number[]; bucketMs: number },
  use: (file: string) => Promise<T>,
): Promise<T> {
  const { pids, windowMs, bucketMs } = settings;
  // Not TMPDIR: its name would have to be plain, and this one is.
  const folder = await mkdtemp(join(settings.folder ?? "/tmp", "gpu-assay-launches-"));
  try {
    const libraries = await Promise.all(
      found.libraries.map(async ({ handle, entries, names }, i) => {
        const path = join(folder, `${i}.so`);
        await symlink(`/proc/${process.pid}/fd/${handle.fd}`, path);
        return { path, entries, names };
      }),
    );
    const architecture = process.arch;
    const script = launchScript({ libraries, pids, windowMs, bucketMs, architecture });
    const file = join(folder, "launches.bt");
    await writeFile(file, script, { mode: 0o600 });
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
