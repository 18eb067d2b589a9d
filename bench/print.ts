import type { LabelRow } from "./label.ts";
import type { DaemonResult } from "./daemon.ts";
import type { LatencyResult } from "./latency.ts";
import type { Machine } from "./machine.ts";
import type { ReplayResult, Variant } from "./replay.ts";
import type { Spread } from "./statistics.ts";

const VARIANT_TEXT: Record<Variant, string> = {
  parse: "JSON.parse of each line, nothing else",
  read: "read and check (RecordingReader)",
  label: "read, attribute, label (no ledger)",
  ledger: "the whole way to ledger rows on disk",
};

/** Aims of the project; they are not promises, and no test asserts them. */
const AIM_CPU_PERCENT = 1;
const AIM_RESIDENT_MB = 120;

export function machineText(machine: Machine): string {
  const { simulated } = machine;
  return `${hardwareText(machine)}simulated  ${simulated}
`;
}

/** Where a figure comes from, without what a simulation stands in for. */
export function hardwareText(machine: Machine): string {
  const { cpu, cores, memoryGib, kernel, node, loadBefore } = machine;
  return `machine    ${cpu}, ${cores} cores, ${memoryGib.toFixed(1)} GiB, Linux ${kernel}, Node ${node}
load       ${loadBefore.toFixed(2)} in the minute before
`;
}

export function replayText(result: ReplayResult): string {
  const { recording, repetitions, samplesPerSecond, cpuMicroseconds, timesParse, ledgerSlices } =
    result;
  const { gpus, hz, seconds, samples, lines, mib } = recording;
  const row = (name: Variant): string[] => [
    VARIANT_TEXT[name],
    spreadText(samplesPerSecond[name], 0),
    spreadText(timesParse[name], 1),
    spreadText(cpuMicroseconds[name], 1),
  ];
  return `
Replay: ${gpus} GPUs at ${hz} Hz for ${seconds / 60} min = ${samples} GPU-samples (${lines} lines, ${mib.toFixed(1)} MiB)
${repetitions} interleaved rounds, median (lowest to highest); ${ledgerSlices} slices written each time
${table([["", "GPU-samples/s", "time, JSON.parse = 1", "CPU µs a sample"], ...(["parse", "read", "label", "ledger"] as const).map(row)])}`;
}

export function labelText(rows: readonly LabelRow[]): string {
  const head = ["", "GPU-samples/s", "CPU µs a sample", "time, copying = 1", "windows"];
  const lines = rows.map((row) => [
    row.name,
    spreadText(row.samplesPerSecond, 0),
    spreadText(row.cpuMicroseconds, 1),
    spreadText(row.timesCopy, 0),
    String(row.windows),
  ]);
  return `
Labels: ${rows[0]?.samples ?? 0} GPU-samples of a simulated node of eight, in memory; median (lowest to highest)
${table([head, ...lines])}`;
}

export function daemonText(results: readonly DaemonResult[]): string {
  const rows = results.map((result) => [
    `${result.hz} Hz`,
    `${result.cpuPercent.toFixed(2)} %`,
    `${result.laterCpuPercent.toFixed(2)} %`,
    `${result.laterMainThreadPercent.toFixed(2)} %`,
    `${result.residentMb.toFixed(0)} MB`,
    `${result.peakResidentMb.toFixed(0)} MB`,
    String(result.ticks),
    String(result.drops),
  ]);
  const head = [
    "sampling",
    "of one core",
    "its later half",
    "main thread, then",
    "resident",
    "at its peak",
    "ticks read",
    "dropped",
  ];
  const seconds = results[0]?.seconds ?? 0;
  return `
Daemon: live on the NVML stand-in, 8 GPUs with a process each, ${seconds.toFixed(0)} s after 5 s of start-up
aims at 1 Hz: under ${AIM_CPU_PERCENT} % of a core, under ${AIM_RESIDENT_MB} MB
${table([head, ...rows])}`;
}

export function latencyText(results: readonly LatencyResult[]): string {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const rows = results.map(({ hz, labels, closing, worstPushMs }) => [
    `${hz} Hz`,
    String(labels),
    ms(closing.p50),
    ms(closing.p99),
    ms(worstPushMs),
  ]);
  const head = ["sampling", "labels", "p50", "p99", "longest stall"];
  return `
Latency: from the tick that ends a window to the provisional labels of all 8 GPUs
before it, by design, a sample waits for the end of its window (10 s) and for the next tick
${table([head, ...rows])}`;
}

export function spreadText({ median, min, max }: Spread, digits: number): string {
  const [mid, low, high] = [median, min, max].map((value) => value.toFixed(digits));
  return `${mid} (${low} to ${high})`;
}

/** The first column to the left, figures to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("   ");
  return rows.map((row) => `  ${line(row)}\n`).join("");
}
