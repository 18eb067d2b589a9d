import type { KernelLaunches, LaunchSample, ProcessSighting } from "../model/sample.ts";
import type { HostSpec, OwnerSpec } from "./spec-schema.ts";
import type { Player } from "./stage.ts";
import type { WallClock } from "./clock.ts";
import type { CounterSet } from "./sensors.ts";

/** What a look at a process is set against. */
export interface Look {
  second: number;
  /** Of the processes' books. */
  intervalSeconds: number;
  /** Since the look before. */
  windowSeconds: number;
  clock: WallClock;
  counters: CounterSet;
}

/** A process as the driver's books and the system's tables show it. */
export function sightingOf({ job, pid, process }: Player, look: Look): ProcessSighting {
  const books = process.readBooks();
  const isUnlisted = job.hidden === "host";
  const seen = isUnlisted ? { unlisted: true } : textsOf(job.owner, job.fromSecond, look.clock);
  // The poorest devices tell that a process is there, and nothing of what it does.
  if (look.counters === "power-and-util") return { pid, ...seen };
  const share = (seconds: number): number =>
    Math.min(1, Math.round((seconds / look.intervalSeconds) * 100) / 100);
  return {
    pid,
    ...seen,
    ...(job.measured && { smUtil: share(books.busy), memUtil: share(books.dram) }),
    memUsedBytes: Math.floor(process.plan.memoryAt(look.second) / 2 ** 20) * 2 ** 20,
  };
}

/** What an MPS server holds of a device for itself. */
const MPS_BYTES = 30 * 2 ** 20;
const MPS_SERVER = "nvidia-cuda-mps-server";

/** The server that processes of a device work through: it does no work of its own. */
export function mpsServerOf(pid: number, { clock, counters }: Look): ProcessSighting {
  const exe = `/usr/bin/${MPS_SERVER}`;
  const texts = { comm: MPS_SERVER.slice(0, 15), exe, argv: [MPS_SERVER], user: "root" };
  const seen = { pid, startTimeMs: clock.at(0), ...texts };
  return counters === "power-and-util" ? seen : { ...seen, memUsedBytes: MPS_BYTES };
}

export function besideOf(process: HostSpec, clock: WallClock): ProcessSighting {
  return { pid: process.pid, ...textsOf(process, process.from ?? 0, clock) };
}

/** The kernels that a process launched since the look before; undefined where there were none. */
export function launchesOf(
  { pid, process }: Player,
  { windowSeconds, second, clock }: Look,
): LaunchSample | undefined {
  const list = process.readLaunches().map(([kernel, seconds]): KernelLaunches => {
    const { grid, block } = kernel.launch;
    const count = Math.max(1, Math.round(seconds / kernel.launch.seconds));
    const durationSeconds = Math.round(seconds * 1e6) / 1e6;
    return { name: kernel.name, entry: "cuLaunchKernel", count, grid, block, durationSeconds };
  });
  if (list.length === 0) return undefined;
  return { kind: "launches", atMs: clock.at(second), windowSeconds, pid, list };
}

function textsOf(
  { ppid, started, comm, exe, argv, user, cgroup, environ }: OwnerSpec,
  fromSecond: number,
  clock: WallClock,
): Omit<ProcessSighting, "pid"> {
  const startTimeMs = clock.at(started ?? fromSecond);
  return { ppid, startTimeMs, comm, exe, argv, user, cgroup, environ };
}
