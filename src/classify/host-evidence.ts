import type { Evidence } from "../model/evidence.ts";
import type { ProcessSighting } from "../model/sample.ts";
import type { Indicators } from "./host/indicator-data.ts";
import { listsOf } from "./host/lists.ts";
import { lookAt } from "./host/look.ts";
import { minerEvidence } from "./host/miner.ts";
import { tunnelEvidence } from "./host/tunnel-evidence.ts";

/** Of one feature and owner: a job of a thousand processes must not fill the ledger. */
const MAX_OF_A_FEATURE = 8;

/** Facts that are shown and weigh nothing. */
const SHOWN = ["oddExecution", "titleMismatch", "noFramework"] as const;

/**
 * What the processes of one owner give away. One sign alone decides nothing: names are shared,
 * options are short, and an accusation needs two that are independent.
 */
export function hostEvidence(
  processes: readonly ProcessSighting[],
  indicators: Indicators,
): Evidence[] {
  const lists = listsOf(indicators);
  const byProcess = processes.flatMap((process) => {
    const look = lookAt(process, lists);
    return SHOWN.flatMap((feature): Evidence[] => {
      const said = look[feature];
      if (said === undefined) return [];
      const text = `process ${process.pid} ${said}`;
      return [{ family: "host", feature, value: process.pid, text, weights: {} }];
    });
  });
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
