import type { LedgerBatch } from "./contract.ts";
import type { Slice } from "../model/slice.ts";

/** How many records beside slices a batch has. */
export function recordCount(batch: LedgerBatch): number {
  const { gpus, gaps, incidents, outbox, calibrations, owners, processes, contexts, acts } = batch;
  return [gpus, gaps, incidents, outbox, calibrations, owners, processes, contexts, acts].reduce(
    (sum, list) => sum + (list?.length ?? 0),
    0,
  );
}

export function sliceCount(batch: LedgerBatch): number {
  return batch.slices?.length ?? 0;
}

export function withoutSlices(batch: LedgerBatch): LedgerBatch {
  return { ...batch, slices: undefined };
}

/** Both batches as one, in their order. */
export function joined(first: LedgerBatch, second: LedgerBatch): LedgerBatch {
  return {
    gpus: [...(first.gpus ?? []), ...(second.gpus ?? [])],
    slices: [...(first.slices ?? []), ...(second.slices ?? [])],
    gaps: [...(first.gaps ?? []), ...(second.gaps ?? [])],
    incidents: [...(first.incidents ?? []), ...(second.incidents ?? [])],
    outbox: [...(first.outbox ?? []), ...(second.outbox ?? [])],
    calibrations: [...(first.calibrations ?? []), ...(second.calibrations ?? [])],
    owners: [...(first.owners ?? []), ...(second.owners ?? [])],
    processes: [...(first.processes ?? []), ...(second.processes ?? [])],
    contexts: [...(first.contexts ?? []), ...(second.contexts ?? [])],
    acts: [...(first.acts ?? []), ...(second.acts ?? [])],
  };
}

/**
 * The smallest batches that say the same: devices, then each window, then each record. Where one of
 * them breaks a law, it is the only one to be refused.
 */
export function pieces(batch: LedgerBatch): LedgerBatch[] {
  const one = <K extends keyof LedgerBatch>(key: K): LedgerBatch[] =>
    (batch[key] ?? []).map((record) => ({ [key]: [record] }));
  return [
    ...one("gpus"),
    ...windowsOf(batch.slices ?? []).map((slices) => ({ slices })),
    ...one("gaps"),
    ...one("incidents"),
    ...one("outbox"),
    ...one("calibrations"),
    ...one("owners"),
    ...one("processes"),
    ...one("contexts"),
    ...one("acts"),
  ];
}

function windowsOf(slices: readonly Slice[]): Slice[][] {
  const windows = new Map<string, Slice[]>();
  for (const slice of [...slices].sort((a, b) => a.fromMs - b.fromMs)) {
    const key = `${slice.fromMs} ${slice.toMs} ${slice.gpuUuid}`;
    const window = windows.get(key);
    if (window) window.push(slice);
    else windows.set(key, [slice]);
  }
  return [...windows.values()];
}
