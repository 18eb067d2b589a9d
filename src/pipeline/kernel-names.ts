import type { KernelNameData } from "../classify/kernel-name-data.ts";
import { kernelNameEvidence } from "../classify/kernel-names.ts";
import type { OwnFindings } from "../classify/window-verdict.ts";
import type { LaunchSample, ProcessSighting } from "../model/sample.ts";
import { toldWithin, type Window } from "../model/window.ts";

/** What an owner shows, with what his kernels are called: those of his processes that were traced in the window. */
export function withKernelNames(
  found: OwnFindings,
  {
    processes,
    launches,
    window,
  }: {
    processes: readonly ProcessSighting[];
    launches: readonly LaunchSample[];
    window: Window;
  },
  data: KernelNameData | undefined,
): OwnFindings {
  if (!data || launches.length === 0) return found;
  const pids = new Set(processes.map(({ pid }) => pid));
  const own = toldWithin(launches, window).filter(({ pid }) => pids.has(pid));
  if (own.length === 0) return found;
  const { host, declared } = kernelNameEvidence(own, data, found.host);
  return {
    ...found,
    host: [...found.host, ...host],
    declared: [...found.declared, ...declared],
  };
}
