import { windowLengthMs } from "../model/window.ts";
import type { PricedPiece } from "./priced.ts";
import type { LineCost, Reconciliation, ReportLine } from "./report-types.ts";
import type { UnobservedStretch } from "./stretches.ts";
import { sumOf } from "./sum.ts";
import { unreconciled } from "./unreconciled.ts";
import type { BilledGpu } from "./usage.ts";

interface Books {
  gpus: readonly BilledGpu[];
  pieces: readonly PricedPiece[];
  lines: readonly ReportLine[];
  unobserved: readonly UnobservedStretch[];
  total: LineCost | undefined;
}

/**
 * Holds the lines against the window, the stretches and the total.
 * @throws AssayError report/unreconciled where anything differs by one unit
 */
export function reconcile({ gpus, pieces, lines, unobserved, total }: Books): Reconciliation {
  const timeWhere = (wanted: (piece: PricedPiece) => boolean): number =>
    sumOf(pieces.filter(wanted), (piece) => piece.timeMs);
  const numbers = {
    windowGpuMs: sumOf(gpus, windowLengthMs),
    observedMs: timeWhere((piece) => piece.charge !== "unobserved"),
    recordedUnobservedMs: timeWhere((piece) => piece.charge === "unobserved" && piece.recorded),
    unrecordedMs: timeWhere((piece) => !piece.recorded),
    linesGpuMs: sumOf(lines, (line) => line.gpuMs),
    stretchesMs: sumOf(unobserved, (stretch) => stretch.unobservedMs),
    linesEnergyMj: sumOf(lines, (line) => line.energyMj),
    sourceEnergyMj: sumOf(pieces, (piece) => piece.energyMj),
    linesNanos: total && lines.reduce((acc, line) => acc + (line.cost?.totalNanos ?? 0n), 0n),
    totalNanos: total?.totalNanos,
    linesAllocatedNanos:
      total?.allocated &&
      lines.reduce((acc, line) => acc + (line.cost?.allocated?.totalNanos ?? 0n), 0n),
    allocatedNanos: total?.allocated?.totalNanos,
  };
  const n = numbers;
  const unobservedMs = n.recordedUnobservedMs + n.unrecordedMs;
  mustEqual(n.windowGpuMs, n.observedMs + unobservedMs, "ms of the window and of its parts");
  mustEqual(n.windowGpuMs, n.linesGpuMs, "ms of the window and of the lines");
  mustEqual(unobservedMs, n.stretchesMs, "ms unobserved by sums and by stretches");
  mustEqual(n.sourceEnergyMj, n.linesEnergyMj, "mJ of the ledger and of the lines");
  mustEqual(n.totalNanos, n.linesNanos, "nanos of the total and of the lines");
  mustEqual(n.allocatedNanos, n.linesAllocatedNanos, "nanos of cost with overhead and allocated");
  const { allocated } = total ?? {};
  mustEqual(allocated?.sharedNanos, allocated?.givenNanos, "nanos shared and given");
  return {
    ...numbers,
    equation:
      `${n.windowGpuMs} GPU-ms of the window = ${n.observedMs} observed` +
      ` + ${n.recordedUnobservedMs} recorded as unobserved + ${n.unrecordedMs} without a slice`,
    ok: true,
  };
}

function mustEqual<T extends number | bigint | undefined>(left: T, right: T, what: string): void {
  if (left !== right)
    throw unreconciled(`The books differ: ${left} and ${right} ${what}.`, "the report");
}
