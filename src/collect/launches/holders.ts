import { readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { holdsDeviceFile } from "../processes/holders.ts";

/** How long the search may keep the loop from other work in one go. */
const SLICE_MS = 4;

/** The processes that have a GPU's device file open. It gives way to other work every few milliseconds. */
export async function findHolders(
  procRoot: string,
  monotonicMs: () => number,
  signal?: AbortSignal,
): Promise<number[]> {
  const names = await readdir(procRoot).catch((): string[] => []);
  const holders: number[] = [];
  let fromMs = monotonicMs();
  for (const name of names) {
    if (!/^\d{1,10}$/.test(name)) continue;
    const pid = Number(name);
    if (holdsDeviceFile(procRoot, pid)) holders.push(pid);
    if (monotonicMs() - fromMs < SLICE_MS) continue;
    await setImmediate();
    if (signal?.aborted) return [];
    fromMs = monotonicMs();
  }
  return holders;
}
