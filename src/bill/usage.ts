import type { DeviceCoverage, KnownGpu, LedgerReader, ListedGpu } from "../ledger/contract.ts";
import { UNOBSERVED, ownerKey } from "../model/owner.ts";
import { type Window, intersect, windowLengthMs } from "../model/window.ts";
import { formatInstant } from "./instant.ts";
import type { UsagePiece } from "./piece.ts";
import { unreconciled } from "./unreconciled.ts";

/** A device and the part of the report's window in which it was known. */
export interface BilledGpu extends Window {
  gpu: KnownGpu;
}

/** The devices a window speaks of, each from the slice it was first seen in until it was taken out. */
export function billedGpus(
  gpus: readonly ListedGpu[],
  coverage: readonly DeviceCoverage[],
  window: Window,
): BilledGpu[] {
  const known = new Map(coverage.map(({ gpuUuid, knownFromMs }) => [gpuUuid, knownFromMs]));
  const out: BilledGpu[] = [];
  for (const gpu of gpus) {
    const fromMs = known.get(gpu.uuid) ?? gpu.firstSeenMs;
    const part = intersect(window, { fromMs, toMs: gpu.retiredAtMs ?? Infinity });
    if (part) out.push({ gpu, ...part });
  }
  return out.sort((a, b) => a.gpu.index - b.gpu.index || (a.gpu.uuid < b.gpu.uuid ? -1 : 1));
}

/**
 * Everything slices say about the intervals between `bounds`.
 * @param bounds ascending; the first and the last are the window's ends
 * @throws AssayError report/unreconciled where the slices of a window that is cut do not fill it
 */
export async function recordedUsage(
  ledger: LedgerReader,
  bounds: readonly number[],
): Promise<UsagePiece[]> {
  const intervals = await ledger.usage(bounds);
  return intervals.flatMap(({ fromMs, toMs, rows }) =>
    rows.map((row) => ({ ...row, fromMs, toMs, recorded: true })),
  );
}

/**
 * The time of each device and interval that no slice speaks of.
 * @throws AssayError report/unreconciled where slices claim more time than there is
 */
export function unrecordedUsage(
  pieces: readonly UsagePiece[],
  gpus: readonly BilledGpu[],
  bounds: readonly number[],
): UsagePiece[] {
  const claimed = new Map<string, number>();
  for (const piece of pieces) {
    const key = `${piece.gpuUuid} ${piece.fromMs}`;
    claimed.set(key, (claimed.get(key) ?? 0) + piece.timeMs);
  }
  const out: UsagePiece[] = [];
  for (const { gpu, ...known } of gpus) {
    for (const [i, fromMs] of bounds.entries()) {
      const interval = { fromMs, toMs: bounds[i + 1] ?? fromMs };
      const part = intersect(interval, known);
      const key = `${gpu.uuid} ${fromMs}`;
      const restMs = (part ? windowLengthMs(part) : 0) - (claimed.get(key) ?? 0);
      claimed.delete(key);
      if (restMs < 0) throw tooMuch(gpu.uuid, interval, -restMs);
      if (restMs > 0) out.push(unrecorded(gpu, interval, restMs));
    }
  }
  const [stray] = claimed.keys();
  if (stray !== undefined)
    throw unreconciled("Slices of a device the ledger does not list.", stray);
  return out;
}

function unrecorded(gpu: KnownGpu, interval: Window, timeMs: number): UsagePiece {
  return {
    ...interval,
    gpuUuid: gpu.uuid,
    ownerKey: ownerKey(UNOBSERVED),
    label: "unknown",
    timeMs,
    energyMj: 0,
    energyUnmeasuredMs: timeMs,
    idleEnergyMj: 0,
    dynamicEnergyMj: 0,
    energyUnsplitMs: 0,
    confidenceMs: 0,
    simulated: gpu.simulated,
    recorded: false,
  };
}

function tooMuch(uuid: string, interval: Window, surplusMs: number): Error {
  const span = `${formatInstant(interval.fromMs)} to ${formatInstant(interval.toMs)}`;
  return unreconciled(`Slices claim ${surplusMs} ms more than there are.`, `GPU ${uuid}, ${span}`);
}
