import type { Evidence } from "../model/evidence.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { oddExecution } from "./host/execution.ts";
import { noFramework } from "./host/framework.ts";
import type { Indicators } from "./host/indicator-data.ts";
import { listsOf } from "./host/lists.ts";
import { minerEvidence } from "./host/miner.ts";
import { titleMismatch } from "./host/titles.ts";
import { tunnelEvidence } from "./host/tunnel.ts";

/** Of one feature and owner: a job of a thousand processes must not fill the ledger. */
const MAX_OF_A_FEATURE = 8;

/**
 * What the processes of one owner give away. One sign alone decides nothing: names are shared,
 * options are short, and an accusation needs two that are independent.
 */
export function hostEvidence(
  processes: readonly ProcessSighting[],
  indicators: Indicators,
): Evidence[] {
  const lists = listsOf(indicators);
  const byProcess = [oddExecution, titleMismatch, noFramework].flatMap((look) =>
    processes.flatMap((process) => look(process, lists) ?? []),
  );
  return bounded([
    ...minerEvidence(processes, lists),
    ...byProcess,
    ...tunnelEvidence(processes, lists),
  ]);
}

/** The weightiest first of each feature; the last one shown says how many there are beside it. */
export function bounded(evidence: readonly Evidence[]): Evidence[] {
  const byFeature = new Map<string, Evidence[]>();
  for (const item of evidence) {
    const known = byFeature.get(item.feature);
    if (known) known.push(item);
    else byFeature.set(item.feature, [item]);
  }
  return [...byFeature.values()].flatMap((items) => {
    if (items.length <= MAX_OF_A_FEATURE) return items;
    const weight = (item: Evidence): number => item.weights["mining-like"] ?? 0;
    const kept = items.sort((a, b) => weight(b) - weight(a)).slice(0, MAX_OF_A_FEATURE);
    const more = items.length - kept.length;
    return kept.map((item, i) =>
      i === kept.length - 1 ? { ...item, text: `${item.text} (and ${more} more like it)` } : item,
    );
  });
}
