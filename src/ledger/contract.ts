import type { Act, ActKind, ErasureSelect } from "./acts.ts";
import type { Amounts } from "../model/amounts.ts";
import type { Calibration } from "../model/calibration.ts";
import type { Incident } from "../model/incident.ts";
import type { ContextObservation } from "../model/observation.ts";
import type { OwnerIdentity } from "../model/owner.ts";
import type { Label } from "../model/label.ts";
import type { Ancestor, GpuInfo } from "../model/sample.ts";
import type { Segment, Slice } from "../model/slice.ts";
import type { Window } from "../model/window.ts";

/** A device the ledger has slices of. */
export interface KnownGpu extends Omit<GpuInfo, "index"> {
  node: string;
  index: number;
  firstSeenMs: number;
  simulated: boolean;
}

/** A device as the ledger has it. */
export interface ListedGpu extends KnownGpu {
  /** It was taken out of the node for good; absent also where it was seen again since. */
  retiredAtMs?: number | undefined;
}

/** A stretch nobody measured, or that could not be written. Also a step of the wall clock. */
export interface GapRecord extends Window {
  node: string;
  gpuUuid?: string | undefined;
  source: string;
  reason: string;
}

/** What was known of an owner from `atMs` on; a later record of the same owner replaces it. */
export interface KnownOwner extends OwnerIdentity {
  node: string;
  key: string;
  atMs: number;
}

/** A process that was seen on a device, or in the tree of one that was: kept after it is gone. */
export interface KnownProcess {
  node: string;
  pid: number;
  /** Unix milliseconds; with `pid` it names one process for good. */
  startTimeMs?: number | undefined;
  /** Devices it was seen on; empty for the others of a tree. */
  gpuUuids: readonly string[];
  ownerKey: string;
  ppid?: number | undefined;
  comm?: string | undefined;
  exe?: string | undefined;
  /** The command line, bounded and escaped, with what looks like a secret masked. */
  command?: string | undefined;
  user?: string | undefined;
  lineage?: readonly Ancestor[] | undefined;
  firstSeenMs: number;
}

/** A message that must arrive. `id` stays the same over all attempts. */
export interface OutboxMessage {
  id: string;
  endpoint: string;
  type: string;
  body: string;
  createdAtMs: number;
}

export interface OutboxEntry extends OutboxMessage {
  attempts: number;
  nextAttemptAtMs: number;
  state: "due" | "delivered" | "dead";
  lastError?: string | undefined;
}

/** What became of one attempt. `retry` keeps the message due at `nextAttemptAtMs`. */
export type DeliveryOutcome =
  | { state: "delivered"; atMs: number }
  | { state: "retry"; nextAttemptAtMs: number; error: string }
  | { state: "dead"; atMs: number; error: string };

/** Everything that becomes durable together, or not at all. */
export interface LedgerBatch {
  gpus?: readonly KnownGpu[] | undefined;
  slices?: readonly Slice[] | undefined;
  gaps?: readonly GapRecord[] | undefined;
  /** The newest state of each incident; every state is kept as a record. */
  incidents?: readonly Incident[] | undefined;
  /** What became known of owners; of each a record wherever it changed. */
  owners?: readonly KnownOwner[] | undefined;
  processes?: readonly KnownProcess[] | undefined;
  contexts?: readonly ContextObservation[] | undefined;
  outbox?: readonly OutboxMessage[] | undefined;
  calibrations?: readonly Calibration[] | undefined;
  /** Their effects, such as a correction's on the sums, are part of the same transaction. */
  acts?: readonly Act[] | undefined;
}

export interface SliceQuery extends Window {
  gpuUuid?: string | undefined;
  ownerKey?: string | undefined;
  label?: Label | undefined;
  /** Everything there is when absent. */
  limit?: number | undefined;
  /** Continue after this sequence number. */
  afterSequence?: number | undefined;
}

export interface StoredSlice extends Slice {
  /** Grows by one with every slice the ledger accepted. */
  sequence: number;
  /** Where a correction holds: its act, and what was written. `label` and `owner` are the corrected. */
  corrected?: { act: string; label: Label; ownerKey: string } | undefined;
}

/** Slices summed, of one device, owner and label. */
export interface UsageRow extends Amounts {
  gpuUuid: string;
  ownerKey: string;
  label: Label;
  simulated: boolean;
}

export type { Act, ActKind, ActOf } from "./acts.ts";

/** What slices say about the time between two neighbouring bounds. */
export interface IntervalUsage extends Window {
  rows: UsageRow[];
}

/** Contiguous windows in which a device was, wholly or in part, not observed. */
export interface UnobservedSpan extends Window {
  timeMs: number;
}

/** Where slices of a device lie. */
export interface DeviceCoverage {
  gpuUuid: string;
  /** When it was first seen, or the beginning of the window that it was first seen in. */
  knownFromMs: number;
  /** Stretches that have slices, by time: no two touch. */
  covered: Window[];
  /** What slices say was not observed, by time. */
  unobserved: UnobservedSpan[];
}

/** An act as the ledger keeps it. */
export type StoredAct = Act & { sequence: number };

export interface ActQuery {
  kind?: ActKind | undefined;
  id?: string | undefined;
  /** Issued reports come without their documents and price lists (as empty texts): for lists. */
  brief?: boolean | undefined;
}

/** The newest entry of the chain: it stands for all records up to it. */
export interface ChainHead {
  sequence: number;
  /** 64 hexadecimal digits. */
  hash: string;
  /** Unix milliseconds. */
  atMs: number;
}

/** A head that the node's key has signed. */
export interface SignedHead extends ChainHead {
  /** Fingerprint of the public key. */
  keyId: string;
  /** Base64 of an Ed25519 signature. */
  signature: string;
}

export interface LedgerReader {
  chainHead(): Promise<ChainHead>;
  /** Acts by sequence; of one kind, of one id. Of an erased one, what was left of it. */
  acts(query: ActQuery): Promise<StoredAct[]>;
  /** Slices that touch the window, by sequence. */
  slices(query: SliceQuery): Promise<StoredSlice[]>;
  /** Segments that touch the window, whole, by device, owner and time. */
  segments(query: Omit<SliceQuery, "afterSequence">): Promise<Segment[]>;
  /**
   * Sums of each interval between neighbouring bounds. A slice that lies across a bound is cut there
   * (model/cut.ts), so that no bound changes the sum of two intervals.
   * @param bounds whole milliseconds, ascending, no two the same
   * @throws AssayError report/unreconciled where a window that is cut is not filled by its slices
   */
  usage(bounds: readonly number[]): Promise<IntervalUsage[]>;
  /**
   * Of every device where its slices lie, and where they say `unobserved`; all of it cut at the
   * window's ends. Found from the slices' times, not from the sums.
   */
  coverage(window: Window): Promise<DeviceCoverage[]>;
  gpus(): Promise<ListedGpu[]>;
  /** Gaps that touch the window. */
  gaps(window: Window): Promise<GapRecord[]>;
  /** Newest state of each incident, newest first. */
  incidents(query: { open?: boolean | undefined; limit?: number | undefined }): Promise<Incident[]>;
  /** Every state of one incident, oldest first; empty where there is none of that id. */
  incidentHistory(id: string): Promise<Incident[]>;
  /** The newest record of each owner. */
  owners(): Promise<KnownOwner[]>;
  /** Of an owner, or of all: those seen first before the window's end, newest first. */
  processes(query: {
    ownerKey?: string | undefined;
    toMs: number;
    limit: number;
  }): Promise<KnownProcess[]>;
  /** Contexts that touch the window, newest word of each, by time. */
  contexts(query: Window & { limit: number }): Promise<ContextObservation[]>;
  /** Newest calibration of each device and kernel. */
  calibrations(): Promise<Calibration[]>;
  /** Every calibration that was kept, in the order in which they were; of one device where named. */
  calibrationHistory(query: { gpuUuid?: string | undefined }): Promise<Calibration[]>;
  /** From the first slice's start to the last one's end; undefined while there is none. */
  extent(): Promise<Window | undefined>;
  /** Where the last written slice of each device ends. */
  lastSliceEnds(): Promise<Map<string, number>>;
}

export interface Outbox {
  /**
   * Messages neither delivered nor dead whose next attempt is at `nowMs` or earlier, in the order in
   * which they were committed. With `endpoint`, that endpoint's only: a dead receiver must not hide
   * the messages of another.
   */
  due(nowMs: number, limit: number, endpoint?: string): Promise<OutboxEntry[]>;
  settle(id: string, endpoint: string, outcome: DeliveryOutcome): Promise<void>;
  /** Messages by state, and the time the next one is due. */
  outboxStatus(): Promise<{
    due: number;
    delivered: number;
    dead: number;
    nextAtMs?: number | undefined;
  }>;
}

/** What goes: all times are Unix milliseconds, and -Infinity keeps everything. */
export interface PruneRequest {
  nowMs: number;
  /** Slices and what they rest on that end by then, in whole UTC hours; sums of the hours stay. */
  detailBeforeMs: number;
  segmentsBeforeMs: number;
  /** Messages that were delivered or given up. */
  outboxBeforeMs: number;
  /** The ledger's bound: the oldest detail goes before it is reached, but for the newest day. */
  maxBytes?: number | undefined;
}

export interface PruneStep {
  isDone: boolean;
  /** Up to where detail is gone, where this step removed any. */
  beforeMs?: number | undefined;
  /** Rows by table. */
  removed: Readonly<Record<string, number>>;
}

export interface LedgerKeeper {
  /** Removes a bounded part of what is due, in one transaction: to be asked until it is done. */
  prune(request: PruneRequest): Promise<PruneStep>;
  /** What asking until it is done would remove of the detail, but for what the size asks. */
  prunePlan(request: PruneRequest): Promise<PruneStep>;
}

export interface LedgerWriter {
  /**
   * Resolves once the batch is on disk (synchronous=FULL): from then on nothing loses it.
   * @throws BatchRejected where it breaks a law, AssayError where the disk fails; nothing is kept then
   */
  append(batch: LedgerBatch): Promise<void>;
}

export interface Ledger extends LedgerReader, LedgerWriter, LedgerKeeper, Outbox {
  /** Signs the newest entry of the chain with the node's key, where that has not been done. */
  signHead(): Promise<SignedHead>;
  /**
   * Rows by table that an erasure would change now; of what age takes, of one act only.
   * @throws BatchRejected as the erasure would, but for finding nothing
   */
  erasable(select: ErasureSelect): Promise<readonly { table: string; rows: number }[]>;
  /** Signs the newest entry of the chain with the node's key, where that has not been done. */
  signHead(): Promise<SignedHead>;
  close(): Promise<void>;
}
