import type { ActOf, LedgerReader } from "../../ledger/contract.ts";

/** A dispute with all its states, oldest first, and the corrections that settle it. */
export interface Dispute {
  id: string;
  opened: ActOf<"dispute">;
  newest: ActOf<"dispute">;
  states: readonly ActOf<"dispute">[];
  corrections: readonly ActOf<"correction">[];
}

/** Every dispute of the ledger, in the order in which they were opened. */
export async function disputesOf(ledger: Pick<LedgerReader, "acts">): Promise<Dispute[]> {
  const states = (await ledger.acts({ kind: "dispute" }))
    .filter((act) => act.kind === "dispute")
    .map(withoutSequence);
  const corrections = (await ledger.acts({ kind: "correction" }))
    .filter((act) => act.kind === "correction")
    .map(withoutSequence);
  const byId = new Map<string, ActOf<"dispute">[]>();
  for (const state of states) byId.set(state.id, [...(byId.get(state.id) ?? []), state]);
  return [...byId].flatMap(([id, own]) => {
    const [opened, newest] = [own[0], own.at(-1)];
    if (!opened || !newest) return [];
    const settled = corrections.filter(({ dispute }) => dispute === id);
    return [{ id, opened, newest, states: own, corrections: settled }];
  });
}

function withoutSequence<T extends { sequence: number }>(act: T): Omit<T, "sequence"> {
  const { sequence: _, ...rest } = act;
  return rest;
}
