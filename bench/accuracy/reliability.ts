import { isRight } from "./figures.ts";
import type { Piece } from "./overlay.ts";

const BINS = 10;

/** GPU-seconds whose label was said with a confidence in [from, to), the last bin with its end. */
export interface ReliabilityBin {
  from: number;
  to: number;
  seconds: number;
  /** Absent in an empty bin. */
  meanConfidence?: number | undefined;
  accuracy?: number | undefined;
}

export interface Reliability {
  bins: ReliabilityBin[];
  /** Expected calibration error: mean distance of confidence and accuracy, by GPU-seconds. */
  expectedError?: number | undefined;
  seconds: number;
}

/** Whether a piece holds a claim that was argued: neither `unknown`, nor idleness, which is measured. */
export function isArgued({ said }: Piece): boolean {
  return said !== "unknown" && said !== "(none)" && said !== "idle";
}

/** How far a confidence can be taken at its word, over the pieces that came with one. */
export function reliabilityOf(pieces: readonly Piece[]): Reliability {
  const sums = Array.from({ length: BINS }, () => ({ seconds: 0, confidence: 0, right: 0 }));
  for (const piece of pieces) {
    const { confidence, seconds } = piece;
    if (confidence === undefined || seconds === 0) continue;
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.floor(confidence * BINS)))];
    if (!bin) continue;
    bin.seconds += seconds;
    bin.confidence += confidence * seconds;
    bin.right += isRight(piece) ? seconds : 0;
  }
  const total = sums.reduce((acc, { seconds }) => acc + seconds, 0);
  const error = sums.reduce((acc, { confidence, right }) => acc + Math.abs(confidence - right), 0);
  return {
    bins: sums.map(({ seconds, confidence, right }, i) => ({
      from: i / BINS,
      to: (i + 1) / BINS,
      seconds,
      ...(seconds > 0 && { meanConfidence: confidence / seconds, accuracy: right / seconds }),
    })),
    expectedError: total > 0 ? error / total : undefined,
    seconds: total,
  };
}
