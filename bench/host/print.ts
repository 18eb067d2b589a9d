import { spreadText, table } from "../print.ts";
import type { HostResult } from "./scan.ts";

export function hostText(result: HostResult): string {
  const { first, steady, scans } = result;
  const digits = 1;
  return `
Host: ${result.processes} processes and ${result.sockets} sockets, all real; ${result.treeProcesses} of the processes and ${result.treeSockets} of the sockets are in a holder's tree
aim: under 60 ms of processor, no block of the main loop above 10 ms
${table([
  ["", "processor, ms", "clock, ms", "main thread busy, ms"],
  [
    "first scan, with the start of its thread",
    first.cpuMs.toFixed(digits),
    first.wallMs.toFixed(digits),
    first.mainThreadMs.toFixed(digits),
  ],
  [
    `a scan after that: median of ${scans} (lowest to highest)`,
    spreadText(steady.cpuMs, digits),
    spreadText(steady.wallMs, digits),
    spreadText(steady.mainThreadMs, digits),
  ],
])}
delay of a 1 ms timer, at worst: ${result.worstDelayMs.toFixed(1)} ms while scanning, ${result.idleDelayMs.toFixed(1)} ms while nothing ran
${result.detail}
`;
}
