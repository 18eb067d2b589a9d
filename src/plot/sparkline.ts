import type { PlotPoint } from "./types.ts";

/** Levels from lowest to highest; a blank is a hole, so none of them is one. */
export const BLOCKS: readonly string[] = [..."▁▂▃▄▅▆▇█"];
/** For terminals without them. */
export const ASCII_LEVELS: readonly string[] = [..."_.:-=+*#"];

export interface SparklineSettings {
  /** The axis, in Unix milliseconds. */
  fromMs: number;
  toMs: number;
  columns: number;
  /** What the lowest and the highest level stand for. */
  low: number;
  high: number;
  levels: readonly string[];
  /** Stretches nobody measured: a column that lies in them by half or more is blank. */
  holes: readonly { fromMs: number; toMs: number }[];
}

/**
 * A series as one line of text, a character a stretch of time: its mean, or a blank where nobody
 * measured. A sample speaks for the time since the one before it.
 */
export function sparkline(points: readonly PlotPoint[], settings: SparklineSettings): string {
  const { fromMs, toMs, columns, low, high, levels, holes } = settings;
  const widthMs = Math.max(1, toMs - fromMs) / columns;
  let next = 0;
  let drawn = "";
  for (let column = 0; column < columns; column += 1) {
    const start = fromMs + column * widthMs;
    const end = start + widthMs;
    while ((points[next]?.toMs ?? Number.POSITIVE_INFINITY) <= start) next += 1;
    const mean =
      coveredBy(holes, start, end) >= widthMs / 2 ? undefined : meanOf(points, next, start, end);
    drawn += mean === undefined ? " " : levelOf((mean - low) / (high - low || 1), levels);
  }
  return drawn;
}

/** @param next the first point that does not end before `start` */
function meanOf(
  points: readonly PlotPoint[],
  next: number,
  start: number,
  end: number,
): number | undefined {
  let [sum, weight] = [0, 0];
  for (let i = next; i < points.length; i += 1) {
    const point = points[i];
    if (!point || point.fromMs >= end) break;
    const part = Math.min(point.toMs, end) - Math.max(point.fromMs, start);
    sum += part * point.mean;
    weight += part;
  }
  if (weight > 0) return sum / weight;
  const after = points[next];
  return next > 0 && after && !after.afterHole ? after.mean : undefined;
}

function coveredBy(holes: SparklineSettings["holes"], start: number, end: number): number {
  let covered = 0;
  for (const hole of holes)
    covered += Math.max(0, Math.min(hole.toMs, end) - Math.max(hole.fromMs, start));
  return covered;
}

function levelOf(share: number, levels: readonly string[]): string {
  const level = Math.min(levels.length - 1, Math.max(0, Math.floor(share * levels.length)));
  return levels[level] ?? "?";
}
