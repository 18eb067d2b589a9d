import type { Database } from "better-sqlite3";
import { z } from "zod";
import { noAmounts } from "../../model/amounts.ts";
import { amountsWithin } from "../../model/cut.ts";
import { hourlyParts } from "../../model/hour.ts";
import { parseOwnerKey } from "../../model/owner.ts";
import type { Act, ActOf } from "../acts.ts";
import type { Interner } from "../intern.ts";
import { BatchRejected } from "../rejected.ts";
import { ownerKeyFilter } from "../row.ts";
import { ownerSchema } from "../who-records.ts";
import { type Target, type TargetWindow, targetWindows } from "./correction-targets.ts";
import { HourSums } from "./hour-sums.ts";
import { prunedBeforeMs } from "./pruned.ts";
import { rerunSegments } from "./rerun.ts";

const NEW_ACT = `
  SELECT sequence FROM acts a WHERE kind = 'correction' AND id = ? AND json = ?
    AND NOT EXISTS (SELECT 1 FROM corrections WHERE act_sequence = a.sequence)`;

const INSERT_CORRECTION = `
  INSERT INTO corrections (act_sequence, gpu_id, from_ms, to_ms, owner_id, new_label_id,
    new_owner_id, last_sequence)
  VALUES (@actSequence, @gpuId, @fromMs, @toMs, @ownerId, @newLabelId, @newOwnerId,
    (SELECT coalesce(max(sequence), 0) FROM slices))`;

const CORRECT_SLICE = `
  INSERT INTO corrected_slices (slice_sequence, act_sequence, label_id, owner_id)
  VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET act_sequence = excluded.act_sequence, label_id = excluded.label_id,
    owner_id = excluded.owner_id`;

/**
 * Makes corrections hold: slices count under their new label and owner from now on, in all that is
 * derived. What an earlier correction made of a slice is replaced: what the new one leaves open is
 * again as it was written. Time that nobody observed is nobody's for good.
 * @returns a function of the acts of a batch, after they were written; it says whether any held, and
 * throws BatchRejected where a correction fits no slice
 */
export function createCorrections(
  db: Database,
  intern: Interner,
): (acts: readonly Act[]) => boolean {
  const newAct = db.prepare(NEW_ACT).pluck();
  return (acts) => {
    let held = false;
    for (const act of acts) {
      if (act.kind !== "correction") continue;
      const found = newAct.get(act.id, JSON.stringify(act));
      if (found === undefined) continue;
      apply(db, { ...numbered(db, intern, act), actSequence: z.int().parse(found) }, act.id);
      held = true;
    }
    return held;
  };
}

/** A correction by the ledger's numbers; null for what it does not say. */
interface Correction {
  actSequence: number;
  gpuId: number;
  fromMs: number;
  toMs: number;
  ownerId: number | null;
  newLabelId: number | null;
  newOwnerId: number | null;
}

function numbered(
  db: Database,
  intern: Interner,
  act: ActOf<"correction">,
): Omit<Correction, "actSequence"> {
  const { fromMs, toMs, gpuUuid } = act;
  const idOf = (sql: string, key: string): number | undefined =>
    z.int().optional().parse(db.prepare(sql).pluck().get(key));
  const gpuId = idOf("SELECT id FROM gpus WHERE uuid = ?", gpuUuid);
  if (gpuId === undefined) throw refused(act, `nobody knows a device ${gpuUuid}`);
  if (fromMs >= toMs) throw refused(act, "its window ends before it begins");
  const prunedMs = prunedBeforeMs(db);
  if (fromMs < prunedMs)
    throw refused(act, `slices before ${new Date(prunedMs).toISOString()} were removed`);
  const ownerId =
    act.ownerKey === undefined
      ? null
      : idOf("SELECT id FROM owners WHERE key = ?", ownerKeyFilter(act.ownerKey));
  if (ownerId === undefined) throw refused(act, "no slice was ever written for that owner");
  const newLabelId = act.label === undefined ? null : intern.text(act.label);
  return { gpuId, fromMs, toMs, ownerId, newLabelId, newOwnerId: newOwner(intern, act) };
}

function newOwner(intern: Interner, act: ActOf<"correction">): number | null {
  if (act.newOwnerKey === undefined) return null;
  const owner = parseOwnerKey(act.newOwnerKey);
  if (!owner) throw refused(act, "the new owner's key names no kind of owner");
  if (owner.kind === "unobserved") throw refused(act, "time that was observed stays observed");
  return intern.owner(ownerSchema.parse(owner));
}

function refused(act: ActOf<"correction">, why: string): BatchRejected {
  return new BatchRejected("invalid", `correction ${act.id}: ${why}`);
}

function apply(db: Database, correction: Correction, id: string): void {
  const { gpuId, actSequence, newLabelId, newOwnerId } = correction;
  db.prepare(INSERT_CORRECTION).run(correction);
  const owners = new Set<number>();
  let [count, fromMs, toMs] = [0, Infinity, -Infinity];
  for (const window of targetWindows(db, correction))
    for (const slice of window.slices) {
      if (!slice.isTarget) continue;
      count += 1;
      owners.add(slice.ownerId).add(newOwnerId ?? slice.writtenOwnerId);
      [fromMs, toMs] = [Math.min(fromMs, window.fromMs), Math.max(toMs, window.toMs)];
    }
  if (count === 0)
    throw new BatchRejected("invalid", `correction ${id}: no slice lies wholly inside its window`);
  const rerun = rerunSegments(db, { gpuId, owners, fromMs, toMs });
  const hours = new HourSums(db);
  const correct = db.prepare(CORRECT_SLICE);
  for (const window of targetWindows(db, correction)) {
    const after = (slice: Target): { labelId: number; ownerId: number } => ({
      labelId: newLabelId ?? slice.writtenLabelId,
      ownerId: newOwnerId ?? slice.writtenOwnerId,
    });
    moveHours(hours, window, after);
    for (const slice of window.slices) {
      const { labelId, ownerId } = after(slice);
      if (slice.isTarget) correct.run(slice.sequence, actSequence, labelId, ownerId);
    }
  }
  hours.flush();
  rerun();
}

function moveHours(
  hours: HourSums,
  window: TargetWindow,
  after: (slice: Target) => { labelId: number; ownerId: number },
): void {
  const { gpuId, slices } = window;
  for (const { hour, ...part } of hourlyParts(window)) {
    const amounts = amountsWithin(window, slices, part);
    for (const [i, slice] of slices.entries()) {
      if (!slice.isTarget) continue;
      const { ownerId, labelId, simulated } = slice;
      const own = amounts[i] ?? noAmounts();
      hours.add(hour, { gpuId, ownerId, labelId, simulated, ...own }, -1);
      hours.add(hour, { gpuId, simulated, ...after(slice), ...own });
    }
  }
}
