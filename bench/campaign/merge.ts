/** What the recorder wrote of all devices → one device's lines with the runner's own in their places. */
import { z } from "zod";
import type { Line, TimedLine } from "./lines.ts";

const lineSchema = z.looseObject({
  kind: z.string(),
  t: z.number().optional(),
  to: z.number().optional(),
  gpu: z.number().optional(),
  gpus: z.array(z.looseObject({ index: z.number() })).optional(),
  list: z.array(z.looseObject({ pid: z.number().optional() })).optional(),
});

export type RawLine = z.infer<typeof lineSchema>;

/** @throws Error where a line is no JSON object with a `kind` */
export const parseLines = (text: string): RawLine[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => lineSchema.parse(JSON.parse(line)));

/** A recording of one device out of one of several: of the others nothing is left. */
export function ofOneDevice(lines: readonly RawLine[], gpu: number): RawLine[] {
  return lines
    .filter((line) => line.gpu === undefined || line.gpu === gpu)
    .map((line) =>
      line.gpus ? { ...line, gpus: line.gpus.filter(({ index }) => index === gpu) } : line,
    );
}

/** When the device was read, in Unix milliseconds. */
export const sampleTimes = (lines: readonly RawLine[], gpu: number): number[] =>
  lines.flatMap(({ kind, t, gpu: of }) =>
    kind === "gpu" && of === gpu && t !== undefined ? [Math.round(t * 1000)] : [],
  );

/** Everybody whom the lists of the device named. */
export const pidsOn = (lines: readonly RawLine[], gpu: number): Set<number> =>
  new Set(
    lines.flatMap(({ kind, gpu: of, list = [] }) =>
      kind === "processes" && of === gpu ? list.flatMap(({ pid }) => pid ?? []) : [],
    ),
  );

/**
 * Puts lines into a recording before the first that is younger; what is younger than all comes last.
 * The recording keeps its own order, in which one source may lag a little behind another.
 */
export function withLines(recording: readonly RawLine[], added: readonly TimedLine[]): Line[] {
  const waiting = added.toSorted((a, b) => a.atMs - b.atMs);
  let placed = 0;
  const merged = recording.flatMap((line, i): Line[] => {
    const atMs = timeOf(line);
    // The header stays the first, whatever its time.
    if (i === 0 || atMs === undefined) return [line];
    const from = placed;
    while ((waiting[placed]?.atMs ?? Infinity) < atMs) placed += 1;
    return [...waiting.slice(from, placed).map((each) => each.line), line];
  });
  return [...merged, ...waiting.slice(placed).map(({ line }) => line)];
}

/** A gap stands where it ends. Unix milliseconds. */
function timeOf({ kind, t, to }: RawLine): number | undefined {
  const at = kind === "gap" ? to : t;
  return at === undefined ? undefined : at * 1000;
}
