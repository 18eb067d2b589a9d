import type { Database } from "better-sqlite3";
import { z } from "zod";
import { type Slice } from "../model/slice.ts";
import { createChainWriter } from "./chain/chain.ts";
import type { LedgerBatch } from "./contract.ts";
import { type Interner, createInterner } from "./intern.ts";
import { createLogCleaner } from "./privacy/log-cleaner.ts";
import { createRecordWriter } from "./record-writer.ts";
import { batchSchema } from "./records.ts";
import { createCorrections } from "./rollup/correction.ts";
import { prunedBeforeMs } from "./rollup/pruned.ts";
import { type NumberedSlice, createRollupWriter } from "./rollup/writer.ts";
import { BatchRejected } from "./rejected.ts";
import { sameWindow } from "./slice-queries.ts";
import { type SlicedWindow, nameOf, slicedWindows } from "./windows.ts";

const INSERT_SLICE = `
  INSERT INTO slices (gpu_id, from_ms, to_ms, owner_id, time_ms, energy_mj, idle_energy_mj,
    label_id, basis_id, confidence, evidence_id, node_id, model_version_id, agent_version_id, simulated)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** What was removed since counts too: no window of a device overlaps another that ever was. */
const LAST_END = "SELECT to_ms FROM coverage WHERE gpu_id = ? ORDER BY from_ms DESC LIMIT 1";

/** One batch, one transaction: durable when it returns, and then whole. */
export type Append = (batch: LedgerBatch) => void;

export interface AppendOptions {
  /** Unix milliseconds of the wall clock; the system's own by default. */
  nowMs?: () => number;
  /** Inside the transaction, after the chain grew. */
  onChained?: () => void;
}

/**
 * Makes the only writer of batches.
 * @returns a function that throws BatchRejected for a batch that breaks a law, and SqliteError where
 * the disk fails; of either nothing is kept
 */
export function createAppend(
  db: Database,
  { nowMs = Date.now, onChained }: AppendOptions = {},
): Append {
  const intern = createInterner(db);
  const insert = createSliceInsert(db, intern);
  const rollup = createRollupWriter(db);
  const correct = createCorrections(db, intern);
  const writeRecords = createRecordWriter(db);
  const chain = createChainWriter(db);
  const lastEnd = db.prepare<[number], number>(LAST_END).pluck();
  const write = db.transaction((batch: LedgerBatch, windows: readonly SlicedWindow[]) => {
    const before = chain.ends();
    for (const gpu of batch.gpus ?? []) writeRecords.gpu(gpu);
    // Time that retention has closed stays as its checkpoint says it is.
    const closedMs = prunedBeforeMs(db);
    const endMs = (each: SlicedWindow): number =>
      Math.max(lastEnd.get(gpuId(each)) ?? -Infinity, closedMs);
    const late = windows.filter((each) => each.fromMs < endMs(each));
    if (late.length > 0) throw tooLate(db, windows, late);
    for (const window of windows) {
      const slices = window.slices.map(insert);
      rollup.add({ ...window, gpuId: gpuId(window), slices });
    }
    rollup.flush();
    writeRecords.others(batch);
    if (correct(batch.acts ?? [])) rollup.forget();
    chain.extend(before, nowMs());
    onChained?.();
  });
  const log = createLogCleaner(db);
  const gpuId = (window: SlicedWindow): number => intern.gpu(window.gpuUuid);
  return (batch) => {
    const parsed = checked(batch);
    try {
      write.immediate(parsed, slicedWindows(parsed.slices ?? []));
    } catch (error) {
      intern.forget();
      rollup.forget();
      throw error;
    }
    const hasErased = (parsed.acts ?? []).some(({ kind }) => kind === "erasure");
    // An owner who comes again after his name was erased is another one.
    if (hasErased) intern.forget();
    log.afterCommit(hasErased);
  };
}

function checked(batch: LedgerBatch): LedgerBatch {
  const result = batchSchema.safeParse(batch);
  if (result.success) return result.data;
  throw new BatchRejected("invalid", z.prettifyError(result.error));
}

function createSliceInsert(db: Database, intern: Interner): (slice: Slice) => NumberedSlice {
  const statement = db.prepare(INSERT_SLICE);
  return (slice) => {
    const { timeMs, energyMj, idleEnergyMj, confidence } = slice;
    const ownerId = intern.owner(slice.owner);
    const labelId = intern.text(slice.label);
    const simulated = slice.simulated ? 1 : 0;
    const { lastInsertRowid } = statement.run(
      intern.gpu(slice.gpuUuid),
      slice.fromMs,
      slice.toMs,
      ownerId,
      timeMs,
      energyMj ?? null,
      idleEnergyMj ?? null,
      labelId,
      intern.text(slice.basis),
      confidence,
      intern.evidence(slice.evidence),
      intern.text(slice.node),
      intern.text(slice.modelVersion),
      intern.text(slice.agentVersion),
      simulated,
    );
    const isUnobserved = slice.owner.kind === "unobserved";
    const sequence = Number(lastInsertRowid);
    const numbers = { sequence, ownerId, labelId, simulated, isUnobserved };
    return { ...numbers, timeMs, energyMj, idleEnergyMj, confidence };
  };
}

/** A batch whose answer was lost and that comes again is told apart from a clock that went back. */
function tooLate(
  db: Database,
  windows: readonly SlicedWindow[],
  late: readonly SlicedWindow[],
): BatchRejected {
  const name = late[0] ? nameOf(late[0]) : "a window";
  if (late.length === windows.length && windows.every((each) => sameWindow(db, each)))
    return new BatchRejected("duplicate", `${name} is in the ledger already, just as it is`);
  return new BatchRejected("overlap", `${name} begins before the device's last slice ends`);
}
