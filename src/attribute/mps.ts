import type { ProcessSighting } from "../model/sample.ts";

/** The daemons of NVIDIA's Multi-Process Service: they hold a device for others and do no work of their own. */
const PROGRAMS: ReadonlySet<string> = new Set([
  "nvidia-cuda-mps-server",
  "nvidia-cuda-mps-control",
]);

/** Where a driver or its container toolkit installs programs, and an ordinary user does not. */
const INSTALLED = /^\/(usr|opt|run\/nvidia|nix\/store|home\/kubernetes\/bin)\//;

/**
 * Whether a process is one of the MPS daemons, whose use is that of its clients. Only its executable
 * says so: names and arguments are the process's own to choose, and what passes for a daemon has its
 * use taken for somebody else's.
 */
export function isMpsDaemon({ exe }: ProcessSighting): boolean {
  if (exe === undefined || !INSTALLED.test(exe)) return false;
  return PROGRAMS.has(exe.slice(exe.lastIndexOf("/") + 1));
}
