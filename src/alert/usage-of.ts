import type { LedgerReader, StoredSlice } from "../ledger/contract.ts";
import type { Incident, IncidentUsage } from "../model/incident.ts";
import { sliceFactOf } from "./facts.ts";
import { MINING_RULE } from "./rules/mining.ts";
import { addUsage, countedSlice, countsFor } from "./usage.ts";

/** Slices read at a time: a long incident is never in memory as a whole. */
const PAGE = 2000;

/** Every slice that counts for an incident, in the ledger's order, up to now. */
export async function* slicesOf(
  ledger: LedgerReader,
  incident: Incident,
): AsyncGenerator<StoredSlice> {
  const { ownerKey, gpuUuid, startedAtMs, resolvedAtMs } = incident;
  if (ownerKey === undefined) return;
  const label = incident.rule === MINING_RULE ? ("mining-like" as const) : undefined;
  const toMs = resolvedAtMs ?? Number.MAX_SAFE_INTEGER;
  const query = { fromMs: startedAtMs, toMs, ownerKey, gpuUuid, label, limit: PAGE };
  let afterSequence: number | undefined;
  for (;;) {
    const page = await ledger.slices({ ...query, afterSequence });
    for (const slice of page)
      if (countsFor(incident, countedSlice(sliceFactOf(slice)))) yield slice;
    afterSequence = page.at(-1)?.sequence;
    if (page.length < PAGE) return;
  }
}

/** What an incident took according to the ledger's slices; undefined where no slice counts for it. */
export async function usageInLedger(
  ledger: LedgerReader,
  incident: Incident,
): Promise<IncidentUsage | undefined> {
  let usage: IncidentUsage | undefined;
  for await (const slice of slicesOf(ledger, incident))
    usage = addUsage(usage, countedSlice(sliceFactOf(slice)));
  return usage;
}
