import type { KnownOwner, KnownProcess } from "../ledger/contract.ts";
import type { ContextObservation } from "../model/observation.ts";
import type { OwnerFacts } from "../model/owner.ts";
import { setNewest } from "../model/recent.ts";

/** What arrived together since the last time: rows of the ledger to be. */
export interface WhoNews {
  processes?: readonly KnownProcess[] | undefined;
  contexts?: readonly ContextObservation[] | undefined;
  owners?: readonly KnownOwner[] | undefined;
}

/** How far back contexts can explain: what ended earlier did not begin an incident of now. */
export const CONTEXT_RETENTION_MS = 6 * 3_600_000;
export const MAX_CONTEXTS = 5000;
export const MAX_OWNERS = 2000;
export const MAX_PROCESSES = 10_000;
const MAX_PROCESSES_OF_OWNER = 256;

/**
 * The newest of what is known about who was there: what the ledger holds more of, kept at hand for
 * the moment in which an incident opens. Bounded; what came first goes first.
 */
export class KnownWho {
  private readonly byOwner = new Map<string, Map<string, KnownProcess>>();
  private readonly contextById = new Map<string, ContextObservation>();
  private readonly owners = new Map<string, OwnerFacts>();
  private processCount = 0;
  private nameless = 0;

  /** @returns the owners of whom other facts are known now than before */
  take({ processes = [], contexts = [], owners = [] }: WhoNews, atMs: number): string[] {
    for (const process of processes) this.addProcess(process);
    for (const context of contexts) this.addContext(context);
    for (const [id, { toMs, atMs: heardMs }] of this.contextById)
      if (Math.max(toMs ?? heardMs, heardMs) < atMs - CONTEXT_RETENTION_MS)
        this.contextById.delete(id);
    return owners.flatMap((owner) => (this.addOwner(owner) ? [owner.key] : []));
  }

  /** Of an owner, those seen first first. */
  processesOf(ownerKey: string): KnownProcess[] {
    const all = [...(this.byOwner.get(ownerKey)?.values() ?? [])];
    return all.sort((a, b) => a.firstSeenMs - b.firstSeenMs || a.pid - b.pid);
  }

  /** By beginning, newest word of each. */
  contexts(): ContextObservation[] {
    const all = [...this.contextById.values()];
    return all.sort((a, b) => a.fromMs - b.fromMs || (a.id ?? "").localeCompare(b.id ?? "", "en"));
  }

  readonly factsOf = (ownerKey: string): OwnerFacts | undefined => this.owners.get(ownerKey);

  private addProcess(process: KnownProcess): void {
    const own = this.byOwner.get(process.ownerKey) ?? new Map<string, KnownProcess>();
    const key = `${process.pid} ${process.startTimeMs ?? ""}`;
    this.processCount -= own.size;
    setNewest(own, key, process, MAX_PROCESSES_OF_OWNER);
    this.byOwner.delete(process.ownerKey);
    this.byOwner.set(process.ownerKey, own);
    this.processCount += own.size;
    while (this.processCount > MAX_PROCESSES) {
      const [first] = this.byOwner;
      if (!first) return;
      this.byOwner.delete(first[0]);
      this.processCount -= first[1].size;
    }
  }

  private addContext(context: ContextObservation): void {
    const id = context.id ?? `#${(this.nameless += 1)}`;
    setNewest(this.contextById, id, context, MAX_CONTEXTS);
  }

  private addOwner({ key, proven }: KnownOwner): boolean {
    const before = JSON.stringify(this.owners.get(key));
    setNewest(this.owners, key, proven, MAX_OWNERS);
    return before !== JSON.stringify(proven);
  }
}
