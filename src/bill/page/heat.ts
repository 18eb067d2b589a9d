import { type Window, intersect, windowLengthMs } from "../../model/window.ts";
import { groupedBy } from "../group.ts";
import type { ReportGpu } from "../report-types.ts";
import type { StatedPiece } from "./rows.ts";
import { type State, USED_STATES } from "./states.ts";
import type { HeatCell } from "./types.ts";

/** Below this part of a cell a device counts as not used in it. */
const LEAST_USE = 0.05;
/** Mining-like time is shown from this part of a cell on, whatever else was there. */
const LEAST_MINING = 0.02;

/** The cells of each device, by its UUID. A cell ends where the device was not yet known. */
export function heatCells(
  pieces: readonly StatedPiece[],
  gpus: readonly ReportGpu[],
  steps: readonly Window[],
): Map<string, HeatCell[]> {
  const starts = steps.map((step) => step.fromMs);
  const byCell = groupedBy(pieces, (piece) => `${stepAt(starts, piece.fromMs)} ${piece.gpuUuid}`);
  return new Map(
    gpus.map((gpu) => {
      const cells = steps.flatMap((step, i) => {
        const span = intersect(step, gpu);
        return span ? cellOf(span, byCell.get(`${i} ${gpu.uuid}`) ?? []) : [];
      });
      return [gpu.uuid, cells];
    }),
  );
}

/** Index of the last start at `atMs` or before. */
function stepAt(starts: readonly number[], atMs: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= atMs) low = middle;
    else high = middle;
  }
  return low;
}

function cellOf(span: Window, pieces: readonly StatedPiece[]): HeatCell {
  const lengthMs = windowLengthMs(span);
  const ms = new Map<State, number>();
  for (const { state, timeMs } of pieces) ms.set(state, (ms.get(state) ?? 0) + timeMs);
  const of = (state: State): number => ms.get(state) ?? 0;
  const most = (states: readonly State[]): State =>
    states.reduce((best, state) => (of(state) > of(best) ? state : best));
  const useMs = USED_STATES.reduce((sum, state) => sum + of(state), 0);
  const state =
    of("unobserved") * 2 >= lengthMs
      ? "unobserved"
      : useMs < lengthMs * LEAST_USE
        ? most(["held", "idle", "unobserved"])
        : most(USED_STATES);
  const alsoMining = state !== "mining-like" && of("mining-like") >= lengthMs * LEAST_MINING;
  return { ...span, state, use: useMs / lengthMs, part: of(state) / lengthMs, alsoMining };
}
