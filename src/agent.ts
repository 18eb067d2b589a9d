import { knownOwner, knownProcess } from "./agent-who.ts";
import type {
  GapRecord,
  KnownGpu,
  KnownOwner,
  KnownProcess,
  LedgerBatch,
  OutboxMessage,
} from "./ledger/contract.ts";
import type { Incident } from "./model/incident.ts";
import type { ContextObservation, Observation, ObservationSource } from "./model/observation.ts";
import type { Slice } from "./model/slice.ts";
import type { PipelineEvent, WindowResult } from "./pipeline/events.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";

/** What the alert room makes of new slices: becomes durable together with them. */
export interface AlertOutcome {
  incidents: readonly Incident[];
  outbox: readonly OutboxMessage[];
}

/** What became known since the last time, for whoever raises alerts. */
export interface AlertNews {
  slices: readonly Slice[];
  processes?: readonly KnownProcess[] | undefined;
  contexts?: readonly ContextObservation[] | undefined;
  owners?: readonly KnownOwner[] | undefined;
}

/** The parts of a running agent. Each is made elsewhere; here they only meet. */
export interface AgentParts {
  pipeline: Pipeline;
  /** Durable, in order, never blocking: see `BufferedWriter`. */
  write: (batch: LedgerBatch) => void;
  /** Resolves when what was written so far is durable; awaited so that a replay keeps its pace. */
  written: () => Promise<void>;
  /** What is new, or with nothing just the time it has become. */
  alert: (news: AlertNews, atMs: number) => AlertOutcome;
  watch: AgentWatcher;
  /** What of processes and runs may be kept and told; all of it where absent. */
  privacy?:
    | {
        process: (process: KnownProcess) => KnownProcess;
        context: (context: ContextObservation) => ContextObservation;
      }
    | undefined;
  /** Up to where each device's time is in the ledger from an earlier run. */
  lastSliceEnds?: ReadonlyMap<string, number> | undefined;
}

/** Who looks on: the console, the metrics, the API. Must not throw. */
export interface AgentWatcher {
  observation?: (observation: Observation) => void;
  provisional?: (result: WindowResult) => void;
  slices?: (slices: readonly Slice[]) => void;
  gpu?: (gpu: KnownGpu) => void;
  gap?: (gap: GapRecord) => void;
  incident?: (incident: Incident) => void;
  /** So many run contexts came faster than they are written. */
  lostContexts?: (count: number) => void;
}

/** Slices that wait together for one transaction: one a second live, a few hundred in a fast replay. */
const MAX_BATCH_SLICES = 500;
/** Run contexts that wait for one: what comes faster is dropped and counted. */
const MAX_BATCH_CONTEXTS = 5000;

/**
 * Runs observations through the pipeline into ledger and alerts until the source ends. What the
 * pipeline finished is handed to the writer at every tick, and at the end.
 */
export async function runAgent(source: ObservationSource, parts: AgentParts): Promise<void> {
  const pending = new PendingBatch(parts);
  try {
    for await (const observation of source) {
      parts.watch.observation?.(observation);
      if (observation.kind === "context") pending.takeContext(observation);
      pending.take(parts.pipeline.push(observation));
      const due = observation.kind === "tick" || pending.sliceCount >= MAX_BATCH_SLICES;
      if (due && pending.commit(timeOf(observation))) await parts.written();
    }
  } finally {
    // A source that breaks off with an error takes nothing with it that was measured before.
    pending.take(parts.pipeline.flush());
    pending.commit(undefined);
  }
}

function timeOf(observation: Observation): number | undefined {
  // What somebody says of himself must not say what time it is.
  if (observation.kind === "context") return undefined;
  return "atMs" in observation ? observation.atMs : undefined;
}

/** Events of the pipeline on their way to one ledger transaction. */
class PendingBatch {
  private readonly parts: AgentParts;
  private gpus: KnownGpu[] = [];
  private slices: Slice[] = [];
  private gaps: GapRecord[] = [];
  private owners: KnownOwner[] = [];
  private processes: KnownProcess[] = [];
  private contexts: ContextObservation[] = [];
  private lostContexts = 0;
  private lastMs = 0;
  private readonly seen = new Set<string>();

  constructor(parts: AgentParts) {
    this.parts = parts;
  }

  get sliceCount(): number {
    return this.slices.length;
  }

  take(events: readonly PipelineEvent[]): void {
    for (const event of events) this.takeOne(event);
  }

  takeContext(context: ContextObservation): void {
    if (this.contexts.length < MAX_BATCH_CONTEXTS) this.contexts.push(context);
    else this.lostContexts += 1;
  }

  /** @returns whether there was anything to write */
  commit(atMs: number | undefined): boolean {
    const { parts, gpus, slices, gaps, owners } = this;
    const { privacy } = parts;
    const processes = privacy ? this.processes.map(privacy.process) : this.processes;
    // At the last moment: by now it is known who there is.
    const contexts = privacy ? this.contexts.map(privacy.context) : this.contexts;
    this.lastMs = Math.max(this.lastMs, atMs ?? 0);
    const news = { slices, processes, contexts, owners };
    const { incidents, outbox } = parts.alert(news, this.lastMs);
    const batch = { gpus, slices, gaps, incidents, outbox, owners, processes, contexts };
    if (Object.values(batch).every((records) => records.length === 0)) return false;
    parts.write(batch);
    if (slices.length > 0) parts.watch.slices?.(slices);
    for (const incident of incidents) parts.watch.incident?.(incident);
    [this.gpus, this.slices, this.gaps] = [[], [], []];
    [this.owners, this.processes, this.contexts] = [[], [], []];
    if (this.lostContexts > 0) parts.watch.lostContexts?.(this.lostContexts);
    this.lostContexts = 0;
    return true;
  }

  /**
   * From the last slice of an earlier run to the first of this one, nobody measured. A device that
   * went away and came back within this run is another matter.
   */
  private tellDowntime({ node, uuid, firstSeenMs }: KnownGpu): void {
    const fromMs = this.parts.lastSliceEnds?.get(uuid);
    if (this.seen.has(uuid)) return;
    this.seen.add(uuid);
    if (fromMs === undefined || fromMs >= firstSeenMs) return;
    const reason = "the daemon was not running";
    const gap = { node, gpuUuid: uuid, source: "agent", reason, fromMs, toMs: firstSeenMs };
    this.gaps.push(gap);
    this.parts.watch.gap?.(gap);
  }

  private takeOne(event: PipelineEvent): void {
    switch (event.kind) {
      case "provisional":
        this.parts.watch.provisional?.(event.result);
        break;
      case "final":
        this.slices.push(...event.result.slices);
        this.lastMs = Math.max(this.lastMs, event.result.window.toMs);
        break;
      case "gpu": {
        const { gpu, node, simulated, atMs } = event;
        const known = { ...gpu, node, simulated, firstSeenMs: atMs };
        this.gpus.push(known);
        this.tellDowntime(known);
        this.parts.watch.gpu?.(known);
        break;
      }
      case "owner":
        this.owners.push(knownOwner(event));
        break;
      case "process":
        this.processes.push(knownProcess(event));
        break;
      case "gap": {
        const { node, gpuUuid, source, reason, window } = event;
        const gap = { node, gpuUuid, source, reason, ...window };
        this.gaps.push(gap);
        this.parts.watch.gap?.(gap);
        break;
      }
    }
  }
}
