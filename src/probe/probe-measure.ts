import type { ProbeObservation, ProbeResource } from "../model/observation.ts";
import type { ProbeTiming } from "./protocol.ts";
import { median } from "./statistics.ts";

/** One run as it was measured, before it is compared with anything. */
export interface ProbeMeasure {
  kernel: string;
  resource: ProbeResource;
  work: number;
  passes: number;
  timing: "timestamp" | "wall";
  /** All passes by the device's clock, else the host's whole wait. */
  durationSeconds: number;
  wallSeconds: number;
  /** Of the wait, what was not between the first pass's begin and the last one's end. */
  overheadSeconds: number;
  gapSeconds?: number | undefined;
  firstPassRatio?: number | undefined;
  fastestPassSeconds?: number | undefined;
  /** The kernel's first run on this device: it is compared with nothing, and nothing with it. */
  isFirst: boolean;
}

type Timed = Omit<ProbeMeasure, "kernel" | "resource" | "work" | "isFirst">;

/** Where a pass's stamps cannot be true, what the device took is not known: the host's wait counts. */
export function timed({ wallSeconds, passes = [] }: ProbeTiming, count: number): Timed {
  const known = passes.flatMap((pass) => pass ?? []);
  const [first, last] = [known[0], known.at(-1)];
  if (known.length !== count || !first || !last) {
    const timing = "wall";
    const durationSeconds = wallSeconds;
    return { timing, passes: count, durationSeconds, wallSeconds, overheadSeconds: wallSeconds };
  }
  const each = known.map(({ beginSeconds, endSeconds }) => endSeconds - beginSeconds);
  const durationSeconds = each.reduce((sum, seconds) => sum + seconds, 0);
  const spanSeconds = last.endSeconds - first.beginSeconds;
  const later = median(each.slice(1));
  return {
    timing: "timestamp",
    passes: count,
    durationSeconds,
    wallSeconds,
    overheadSeconds: Math.max(0, wallSeconds - spanSeconds),
    gapSeconds: Math.max(0, spanSeconds - durationSeconds),
    firstPassRatio: later ? (each[0] ?? 0) / later : undefined,
    fastestPassSeconds: Math.min(...each),
  };
}

/** What a run takes on the idle device. */
export interface Baseline {
  durationSeconds: number;
  overheadSeconds: number;
  fastestPassSeconds?: number | undefined;
}

/** What the pipeline is told: a run beside what the same run takes on the idle device. */
export function observationOf(
  measure: ProbeMeasure,
  baseline: Baseline | undefined,
  at: Pick<ProbeObservation, "atMs" | "gpu" | "pid">,
): ProbeObservation {
  const { overheadSeconds, isFirst, firstPassRatio, ...run } = measure;
  if (isFirst) return { kind: "probe", ...at, ...run };
  return {
    kind: "probe",
    ...at,
    ...run,
    firstPassRatio,
    queueSeconds: baseline && Math.max(0, overheadSeconds - baseline.overheadSeconds),
    baselineSeconds: baseline?.durationSeconds,
    baselinePassSeconds: baseline?.fastestPassSeconds,
  };
}
