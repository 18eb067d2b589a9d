import { spreadText, table } from "../print.ts";
import type { LaunchesResult } from "./launches.ts";

export function launchesText(result: LaunchesResult): string {
  const { bpftrace, rounds, windowMs, calls } = result;
  const rows = calls.map(({ name, untracedNs, tracedNs, addedNs }) => [
    name,
    spreadText(untracedNs, 1),
    spreadText(tracedNs, 0),
    spreadText(addedNs, 0),
    (tracedNs.median / untracedNs.median).toFixed(0),
  ]);
  const head = ["", "untraced, ns of processor a call", "traced", "added", "traced / untraced"];
  return `
Launches: ${bpftrace}, through stand-in libraries that return at once (no GPU), ${rounds} rounds of ${windowMs} ms; median (lowest to highest)
${table([head, ...rows])}
a window takes ${spreadText(result.aroundMs, 0)} ms beyond its own length, to compile, attach and detach
processor time of bpftrace in one: ${spreadText(result.cpuMs, 0)} ms
`;
}
