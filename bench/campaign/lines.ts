/** The lines that the runner adds to a recording: what was true, and what the workloads said. */
import type { Part, Workload } from "./catalogue.ts";
import { happenedMs, type Launch, type WorkloadEvent } from "./event.ts";
import type { Stretch } from "./stretches.ts";

/** One line of a recording as it is written. */
export type Line = Readonly<Record<string, unknown>>;

/** A line and its place in time. */
export interface TimedLine {
  atMs: number;
  line: Line;
}

/** A part that ran: its process and everything it said. */
export interface PartRun {
  part: Part;
  pid: number;
  events: readonly WorkloadEvent[];
}

export interface TruthFacts {
  gpu: number;
  workload: Workload;
  parts: readonly PartRun[];
  stretches: readonly Stretch[];
  /** From the first start to the moment all parts were warm. */
  warmSeconds: number;
  /** The processes that the recording saw on the device. */
  seenPids: ReadonlySet<number>;
}

const seconds = (ms: number): number => Math.round(ms) / 1000;

/**
 * For each measured stretch one line about the device, and one for each process with what it did.
 * The last one of a part carries its throughput, since that is of its whole run.
 */
export function truthLines(facts: TruthFacts): TimedLine[] {
  const { gpu, workload, stretches, parts } = facts;
  const about = { workload: workload.name, family: workload.family };
  return stretches.flatMap(({ fromMs, toMs }, i) => {
    const span = { kind: "truth", gpu, from: seconds(fromMs), to: seconds(toMs) };
    const { label, labels } = workload;
    const several = labels === undefined ? {} : { labels };
    const device = { ...workload.facts, ...span, label, ...several, ...about };
    const isLast = i === stretches.length - 1;
    const processes = parts.map((run) => ({
      ...span,
      // One process that does two things carries both labels itself.
      ...(parts.length === 1 ? { label, ...several } : { label: run.part.label }),
      ...about,
      pid: run.pid,
      ...(isLast ? resultOf(run, facts) : {}),
    }));
    return [device, ...processes].map((line) => ({ atMs: toMs, line }));
  });
}

function resultOf({ part, pid, events }: PartRun, { warmSeconds, seenPids }: TruthFacts): Line {
  const done = events.find(({ event }) => event === "done");
  return {
    part: part.program,
    isListed: seenPids.has(pid),
    warmSeconds: Math.round(warmSeconds * 100) / 100,
    throughput: done?.throughput,
    unit: done?.unit,
    peakBytes: done?.peakBytes,
  };
}

/** What each workload said it does, and which kernels it launched, when it said so. */
export function saidLines(parts: readonly PartRun[]): TimedLine[] {
  return parts.flatMap(({ pid, events }) =>
    events.flatMap((event): TimedLine[] => {
      const atMs = happenedMs(event);
      const t = seconds(atMs);
      if (event.event === "phase")
        return [{ atMs, line: { kind: "phase", t, on: event.on, name: event.name, pid } }];
      if (event.event === "kernel")
        return [{ atMs, line: launchesLine(t, pid, event.seconds, [event]) }];
      return [];
    }),
  );
}

/** @param t Unix seconds, when the window ended */
export function launchesLine(
  t: number,
  pid: number,
  windowSeconds: number | undefined,
  list: readonly Launch[],
): Line {
  const entries = list.map(({ name, grid, block, count, durationSeconds }) => ({
    name,
    entry: name,
    count,
    grid,
    block,
    durationSeconds,
  }));
  return { kind: "launches", t, windowSeconds, pid, list: entries };
}
