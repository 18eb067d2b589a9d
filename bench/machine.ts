import { cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  kernel: string;
  node: string;
  /** What runs beside the benchmark: the load average of the last minute, before it began. */
  loadBefore: number;
  simulated: string;
}

const SIMULATED =
  "every GPU: recordings and feeds are generated, and NVML is a C stand-in, so no real driver's time is in any figure";

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGib: totalmem() / 2 ** 30,
    kernel: release(),
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
    simulated: SIMULATED,
  };
}
