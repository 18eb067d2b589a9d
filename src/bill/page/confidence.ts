import { groupedBy } from "../group.ts";
import { sumOf } from "../lines.ts";
import type { StatedPiece } from "./rows.ts";
import { STATES } from "./states.ts";
import type { ConfidenceRow } from "./types.ts";

const TENTHS = 10;

/** How sure the labels were, state by state; nothing of those of which nobody said. */
export function confidenceRows(pieces: readonly StatedPiece[]): ConfidenceRow[] {
  const sure = pieces.filter(
    (piece) => piece.charge === "used" && piece.confidenceMs !== undefined && piece.timeMs > 0,
  );
  const byState = groupedBy(sure, (piece) => piece.state);
  return STATES.flatMap((state) => {
    const own = byState.get(state) ?? [];
    const gpuMs = sumOf(own, (piece) => piece.timeMs);
    if (gpuMs === 0) return [];
    const tenths = Array.from({ length: TENTHS }, () => 0);
    for (const { confidenceMs = 0, timeMs } of own) {
      const tenth = Math.min(TENTHS - 1, Math.max(0, Math.floor((confidenceMs / timeMs) * TENTHS)));
      tenths[tenth] = (tenths[tenth] ?? 0) + timeMs;
    }
    const mean = sumOf(own, (piece) => piece.confidenceMs ?? 0) / gpuMs;
    return [{ state, gpuMs, mean, tenths }];
  });
}
