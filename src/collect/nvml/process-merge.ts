import type { ProcessSighting } from "../../model/sample.ts";
import type { ProcessEntry, UtilizationEntry } from "./process-layouts.ts";

/**
 * One sighting per process from all lists and the utilisation samples, by pid. A process that used
 * the device but has left the lists since is still named: it did the work.
 */
export function mergeProcesses(
  lists: readonly (readonly ProcessEntry[])[],
  use: ReadonlyMap<number, UtilizationEntry>,
): ProcessSighting[] {
  const memory = new Map<number, number | undefined>();
  for (const list of lists) {
    // The lists report the same memory of a process that is in several: the largest, not the sum.
    for (const [pid, bytes] of byPid(list)) memory.set(pid, larger(memory.get(pid), bytes));
  }
  for (const [pid, { sm, memory: memoryUse, encoder, decoder }] of use) {
    const busy = [sm, memoryUse, encoder, decoder].some((value) => (value ?? 0) > 0);
    if (busy && !memory.has(pid)) memory.set(pid, undefined);
  }
  return [...memory]
    .map(([pid, bytes]) => sighting(pid, bytes, use.get(pid)))
    .sort((a, b) => a.pid - b.pid);
}

/** Memory by pid; a process has an entry for every GPU instance it uses. */
function byPid(entries: readonly ProcessEntry[]): Map<number, number | undefined> {
  const sums = new Map<number, number | undefined>();
  for (const { pid, memUsedBytes } of entries) {
    if (pid === 0) continue;
    const known = sums.get(pid);
    const sum = known === undefined ? memUsedBytes : known + (memUsedBytes ?? 0);
    sums.set(pid, sum);
  }
  return sums;
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function sighting(
  pid: number,
  memUsedBytes: number | undefined,
  use: UtilizationEntry | undefined,
): ProcessSighting {
  return {
    pid,
    ...(use?.sm !== undefined && { smUtil: use.sm / 100 }),
    ...(use?.memory !== undefined && { memUtil: use.memory / 100 }),
    ...(use?.encoder !== undefined && { encUtil: use.encoder / 100 }),
    ...(use?.decoder !== undefined && { decUtil: use.decoder / 100 }),
    ...(memUsedBytes !== undefined && { memUsedBytes }),
  };
}

/**
 * Adds those who have exited, by pid. One that the utilisation samples still named is one sighting:
 * its measured use stays, and that it is gone is added.
 */
export function withExited(
  list: readonly ProcessSighting[],
  exited: readonly ProcessSighting[],
): ProcessSighting[] {
  const all = new Map(list.map((process) => [process.pid, process]));
  for (const process of exited) {
    all.set(process.pid, { ...process, ...all.get(process.pid) });
  }
  return [...all.values()].sort((a, b) => a.pid - b.pid);
}
