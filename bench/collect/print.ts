import { spreadText, table } from "../print.ts";
import type { CollectResult, Delay } from "./measure.ts";
import type { MemoryResult } from "./memory.ts";

export function collectText({
  cost,
  timesOurs,
  rounds,
  readingsARound,
  live,
}: CollectResult): string {
  const row = (name: string, of: (typeof cost)["nvml"], digits: number): string[] => [
    name,
    spreadText(of.mainThreadMs, digits),
    spreadText(of.cpuMs, digits),
    spreadText(of.wallMs, digits),
  ];
  const head = ["", "main thread, ms", "processor, ms", "clock, ms"];
  return `
Collect: one reading of 8 devices; ${rounds} rounds of ${readingsARound}, median (lowest to highest)
aim: under 3 ms of main thread
${table([
  head,
  row("this program: NVML stand-in, on a thread", cost.nvml, 2),
  row("a nvidia-smi stand-in child a reading", cost.child, 2),
  row("systeminformation.graphics()", cost.systeminformation, 2),
  ["as a multiple of ours, round by round", "", "", ""],
  row("a nvidia-smi stand-in child a reading", timesOurs.child, 1),
  row("systeminformation.graphics()", timesOurs.systeminformation, 1),
])}
Live loop at ${live.hz} Hz for ${live.seconds} s: ${live.ticks} ticks, ${live.drops} dropped, the latest began ${live.latestTickMs.toFixed(1)} ms after its time
delay of a 1 ms timer meanwhile: ${delayText(live.delay)}
while the process does nothing:  ${delayText(live.idleDelay)}   (aim: no call that blocks for more than 5 ms)
`;
}

export function memoryText({
  gpus,
  hz,
  hours,
  residentMb,
  aliveMb,
  peakResidentMb,
  seconds,
}: MemoryResult): string {
  return `
Memory: ${hours} h of ${gpus} GPUs at ${hz} Hz, replayed to ledger rows in ${seconds.toFixed(0)} s
resident at each tenth of it: ${residentMb.map((mb) => mb.toFixed(0)).join(", ")} MB; ${peakResidentMb.toFixed(0)} MB at its peak
alive on the main thread's heap:  ${aliveMb.map((mb) => mb.toFixed(0)).join(", ")} MB
`;
}

function delayText({ p999Ms, worstMs }: Delay): string {
  return `p99.9 ${p999Ms.toFixed(1)} ms, worst ${worstMs.toFixed(1)} ms`;
}
