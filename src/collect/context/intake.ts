import type { ContextObservation, RunContext } from "../../model/observation.ts";
import { sanitize } from "../../model/text.ts";
import type { Notice } from "../thread/protocol.ts";
import type { ContextTable } from "./attribute-table.ts";
import { ContextJoin } from "./join.ts";
import { type Mapped, mappedOf } from "./map.ts";
import type { OtlpRecord } from "./otlp.ts";
import { type SkewEstimate, SkewEstimator } from "./skew.ts";
import { setNewest } from "../../model/recent.ts";

export interface IntakeSettings {
  table: ContextTable;
  /** This host's own name, as senders give it: only their pids are compared with its processes. */
  host: string;
}

export interface IntakeDeps {
  /** Start of a process of this node in Unix milliseconds. */
  startTimeOf?: ((pid: number) => number | undefined) | undefined;
  onNotice?: ((notice: Notice) => void) | undefined;
}

/** One delivery of a sender, or a file's. */
export interface Delivery {
  records: readonly OtlpRecord[];
  /** When it came, by this node's clock. */
  atMs: number;
  /** It came as it was written: its time says something of the sender's clock. */
  isFresh: boolean;
}

export interface Taken {
  contexts: ContextObservation[];
  /** Records whose times could be none. */
  refused: number;
}

/** Senders whose clocks are watched; of more the one that was quiet longest is forgotten. */
const MAX_SENDERS = 256;
/** Looking up starts of processes costs a read each. */
const MAX_START_LOOKUPS = 8;
/** An estimate that moved by less is the same. */
const SAME_SKEW_MS = 5000;

interface Sender {
  estimator: SkewEstimator;
  toldMs: number | undefined;
}

/** Makes contexts of records: by the table, on this node's clock, joined with what was heard before. */
export class ContextIntake {
  readonly #settings: IntakeSettings;
  readonly #deps: IntakeDeps;
  readonly #join = new ContextJoin();
  readonly #senders = new Map<string, Sender>();

  constructor(settings: IntakeSettings, deps: IntakeDeps = {}) {
    this.#settings = settings;
    this.#deps = deps;
  }

  take({ records, atMs, isFresh }: Delivery): Taken {
    const bySender = new Map<string, Mapped[]>();
    let refused = 0;
    for (const record of records) {
      const mapped = mappedOf(record, this.#settings.table);
      if (mapped === "time") refused += 1;
      else if (mapped) push(bySender, senderOf(mapped.context), mapped);
    }
    const contexts: ContextObservation[] = [];
    for (const [sender, all] of bySender) {
      const skew = isFresh ? this.#skewOf(sender, all, atMs) : undefined;
      for (const mapped of all) {
        const context = this.#join.take(corrected(mapped, skew));
        if (!context) continue;
        const heardMs = isFresh ? atMs : Math.min(atMs, context.toMs ?? context.fromMs);
        contexts.push({ ...context, kind: "context", atMs: heardMs });
      }
    }
    return { contexts, refused };
  }

  #skewOf(name: string, all: readonly Mapped[], atMs: number): SkewEstimate | undefined {
    const sender = this.#sender(name);
    const { estimator } = sender;
    const newest = all.reduce((max, { context }) => Math.max(max, newestOf(context)), 0);
    estimator.delivered(newest, atMs);
    this.#noteStarts(estimator, all, atMs);
    const estimate = estimator.estimate();
    this.#tell(name, sender, estimate);
    return estimate;
  }

  /** Only of senders on this very host and in no container: the pids of others are not this node's. */
  #noteStarts(estimator: SkewEstimator, all: readonly Mapped[], atMs: number): void {
    const { startTimeOf } = this.#deps;
    if (!startTimeOf) return;
    const earliest = new Map<number, number>();
    for (const { context, senderPid } of all) {
      const isHere = context.host === this.#settings.host && context.container === undefined;
      if (senderPid === undefined || !isHere) continue;
      const known = earliest.get(senderPid) ?? Number.POSITIVE_INFINITY;
      earliest.set(senderPid, Math.min(known, context.fromMs));
    }
    for (const [pid, fromMs] of [...earliest].slice(0, MAX_START_LOOKUPS)) {
      const startMs = startTimeOf(pid);
      if (startMs !== undefined && startMs <= atMs) estimator.started(startMs, fromMs, atMs);
    }
  }

  #tell(name: string, sender: Sender, estimate: SkewEstimate | undefined): void {
    const isSame =
      estimate === undefined
        ? sender.toldMs === undefined
        : Math.abs(estimate.skewMs - (sender.toldMs ?? Number.POSITIVE_INFINITY)) < SAME_SKEW_MS;
    if (isSame) return;
    sender.toldMs = estimate?.skewMs;
    const text = estimate?.text ?? "its clock agrees with this node's again";
    this.#deps.onNotice?.({
      text: `run context of ${sanitize(name, 120)}: ${text}`,
      hint: "times of its contexts are corrected by that; keep the clocks in step (NTP, chrony)",
    });
  }

  #sender(name: string): Sender {
    const known = this.#senders.get(name) ?? { estimator: new SkewEstimator(), toldMs: undefined };
    setNewest(this.#senders, name, known, MAX_SENDERS);
    return known;
  }
}

function senderOf({ service = "?", host }: RunContext): string {
  return host === undefined ? service : `${service} on ${host}`;
}

function newestOf({ fromMs, toMs }: RunContext): number {
  return Math.max(fromMs, toMs ?? 0);
}

/** On this node's clock. */
function corrected(mapped: Mapped, skew: SkewEstimate | undefined): Mapped {
  if (!skew) return mapped;
  const { skewMs } = skew;
  const { fromMs, toMs } = mapped.context;
  const times = {
    fromMs: fromMs - skewMs,
    ...(toMs !== undefined && { toMs: toMs - skewMs }),
    skewMs,
  };
  return { ...mapped, context: { ...mapped.context, ...times } };
}

function push<T>(of: Map<string, T[]>, key: string, value: T): void {
  const known = of.get(key);
  if (known) known.push(value);
  else of.set(key, [value]);
}
