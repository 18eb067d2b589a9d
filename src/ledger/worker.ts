import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { createAppend } from "./append.ts";
import { chainHead } from "./chain/head.ts";
import { createSigner, type Signer } from "./chain/sign.ts";
import { asLedgerError } from "./failure.ts";
import * as outbox from "./outbox-queries.ts";
import {
  type Arguments,
  type LedgerRequest,
  type Operation,
  type Result,
  type WorkerMessage,
  type WorkerOptions,
  toWire,
  workerOptions,
} from "./protocol.ts";
import { countErasable } from "./privacy/erase.ts";
import * as records from "./record-queries.ts";
import * as who from "./who-queries.ts";
import { coverage } from "./rollup/coverage.ts";
import { usage } from "./rollup/usage.ts";
import * as slices from "./slice-queries.ts";
import { type Store, type WritingStore, openForReading, openForWriting } from "./store.ts";

/**
 * Entry of a ledger worker thread. One writes, another reads, each with a connection of its own, so
 * that neither a commit nor a long report delays the main thread or the other one.
 */
type Handlers = { [O in Operation]?: (...args: Arguments<O>) => Result<O> };

function readHandlers({ db }: Store): Handlers {
  return {
    chainHead: () => chainHead(db),
    slices: (query) => slices.slices(db, query),
    segments: (query) => slices.segments(db, query),
    usage: (bounds) => usage(db, bounds),
    coverage: (window) => coverage(db, window),
    gpus: () => records.gpus(db),
    acts: (query) => records.acts(db, query),
    erasable: (select) => countErasable(db, select),
    gaps: (window) => records.gaps(db, window),
    incidents: (query) => records.incidents(db, query),
    calibrations: () => records.calibrations(db),
    calibrationHistory: (query) => records.calibrationHistory(db, query),
    incidentHistory: (id) => who.incidentHistory(db, id),
    owners: () => who.owners(db),
    processes: (query) => who.processes(db, query),
    contexts: (query) => who.contexts(db, query),
    extent: () => records.extent(db),
    lastSliceEnds: () => records.lastSliceEnds(db),
    due: (nowMs, limit, endpoint) => outbox.due(db, nowMs, limit, endpoint),
    outboxStatus: () => outbox.outboxStatus(db),
  };
}

function writeHandlers({ db }: Store, signer: Signer): Handlers {
  return {
    append: createAppend(db, { onChained: () => signer.signIfDue() }),
    signHead: () => signer.signHead(),
    settle: (id, endpoint, outcome) => outbox.settle(db, id, endpoint, outcome),
  };
}

interface Open {
  store: Pick<Store, "place" | "close">;
  handlers: Handlers;
}

function reading(options: WorkerOptions): Open {
  const store = openForReading(options);
  return { store, handlers: readHandlers(store) };
}

function writing(options: WorkerOptions): Open {
  const store = openForWriting(options);
  const signer = signerOf(store, options);
  const close = (): void => {
    signLast(signer);
    store.close();
  };
  const handlers = { ...readHandlers(store), ...writeHandlers(store, signer) };
  return { store: { place: store.place, close }, handlers };
}

function signerOf({ db, key }: WritingStore, { signEveryMs }: WorkerOptions): Signer {
  const clock = { nowMs: Date.now, monotonicMs: (): number => performance.now() };
  return createSigner(db, key, signEveryMs, clock);
}

/** A disk that takes no more leaves the end of the chain unsigned, which `assay verify` tells. */
function signLast(signer: Signer): void {
  try {
    signer.signHead();
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
  }
}

function serve(): void {
  if (!parentPort) throw new Error("a ledger worker must be started as a worker thread");
  const port = parentPort;
  const post = (message: WorkerMessage): void => port.postMessage(message);
  try {
    const options = workerOptions.parse(workerData);
    const { store, handlers } = options.role === "write" ? writing(options) : reading(options);
    port.on("message", (request: LedgerRequest) => {
      try {
        post({ kind: "answer", id: request.id, value: answer(request, handlers, store) });
      } catch (error) {
        const known = asLedgerError(error, store.place.database);
        post({ kind: "error", id: request.id, error: toWire(known) });
      }
      if (request.operation === "close") port.close();
    });
    post({ kind: "ready" });
  } catch (error) {
    post({ kind: "failed", error: toWire(error) });
  }
}

function answer(
  { operation, args }: LedgerRequest,
  handlers: Handlers,
  store: Open["store"],
): unknown {
  if (operation === "close") return store.close();
  // Arguments belong to their operation: the only sender is `client.ts`, whose types say so.
  const handler = handlers[operation] as ((...args: readonly unknown[]) => unknown) | undefined;
  if (!handler) throw new Error(`this ledger worker cannot ${operation}`);
  return handler(...args);
}

serve();
