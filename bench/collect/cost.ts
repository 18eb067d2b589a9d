import { readFileSync } from "node:fs";

/** What a stretch of work took. */
export interface Cost {
  /** By the clock. */
  wallMs: number;
  /** In which this process's main thread could do nothing else. */
  mainThreadMs: number;
  /** Of processors: all threads of this process, and the children it has waited for. */
  cpuMs: number;
}

/** `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** Ended children only count once they were waited for; Node does that before it tells. */
function childrenCpuMs(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

/** The mean cost of one of `times` runs, `everyMs` apart from start to start. */
export async function meanCost(
  work: () => Promise<unknown>,
  times: number,
  everyMs: number,
): Promise<Cost> {
  const cpu = process.cpuUsage();
  const children = childrenCpuMs();
  const loop = performance.eventLoopUtilization();
  let wallMs = 0;
  for (let run = 0; run < times; run += 1) {
    const startedMs = performance.now();
    await work();
    const tookMs = performance.now() - startedMs;
    wallMs += tookMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, everyMs - tookMs)));
  }
  const { user, system } = process.cpuUsage(cpu);
  return {
    wallMs: wallMs / times,
    mainThreadMs: performance.eventLoopUtilization(loop).active / times,
    cpuMs: ((user + system) / 1000 + childrenCpuMs() - children) / times,
  };
}
