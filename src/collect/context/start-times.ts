import { join } from "node:path";
import { readBounded } from "../files.ts";
import { parseBootTimeMs, parseStat } from "../processes/parse.ts";

const TICKS_PER_SECOND = 100;
const MAX_STAT_BYTES = 4096;
const MAX_PROC_STAT_BYTES = 1024 ** 2;

/** When a process of this node started, in Unix milliseconds; undefined where it is not there. */
export function createStartTimes(procRoot: string): (pid: number) => number | undefined {
  let bootTimeMs: number | undefined;
  return (pid) => {
    const stat = parseStat(readBounded(join(procRoot, String(pid), "stat"), MAX_STAT_BYTES) ?? "");
    if (!stat) return undefined;
    bootTimeMs ??= parseBootTimeMs(readBounded(join(procRoot, "stat"), MAX_PROC_STAT_BYTES) ?? "");
    if (bootTimeMs === undefined) return undefined;
    return bootTimeMs + Math.round((stat.startTicks * 1000) / TICKS_PER_SECOND);
  };
}
