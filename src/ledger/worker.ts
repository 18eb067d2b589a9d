import { parentPort, workerData } from "node:worker_threads";
import { createAppend } from "./append.ts";
import { asLedgerError } from "./failure.ts";
import * as outbox from "./outbox-queries.ts";
import {
  type Arguments,
  type LedgerRequest,
  type Operation,
  type Result,
  type WorkerMessage,
  toWire,
  workerOptions,
} from "./protocol.ts";
import * as records from "./record-queries.ts";
import * as who from "./who-queries.ts";
import { coverage } from "./rollup/coverage.ts";
import { usage } from "./rollup/usage.ts";
import * as slices from "./slice-queries.ts";
import { type Store, openForReading, openForWriting } from "./store.ts";

/**
 * Entry of a ledger worker thread. One writes, another reads, each with a connection of its own, so
 * that neither a commit nor a long report delays the main thread or the other one.
 */
type Handlers = { [O in Operation]?: (...args: Arguments<O>) => Result<O> };

function readHandlers({ db }: Store): Handlers {
  return {
    slices: (query) => slices.slices(db, query),
    segments: (query) => slices.segments(db, query),
    usage: (bounds) => usage(db, bounds),
    coverage: (window) => coverage(db, window),
    gpus: () => records.gpus(db),
    acts: (query) => records.acts(db, query),
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

function writeHandlers(store: Store): Handlers {
  const { db } = store;
  return {
    ...readHandlers(store),
    append: createAppend(db),
    settle: (id, endpoint, outcome) => outbox.settle(db, id, endpoint, outcome),
  };
}

function serve(): void {
  if (!parentPort) throw new Error("a ledger worker must be started as a worker thread");
  const port = parentPort;
  const post = (message: WorkerMessage): void => port.postMessage(message);
  try {
    const { role, ...options } = workerOptions.parse(workerData);
    const store = role === "write" ? openForWriting(options) : openForReading(options);
    const handlers = role === "write" ? writeHandlers(store) : readHandlers(store);
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

function answer({ operation, args }: LedgerRequest, handlers: Handlers, store: Store): unknown {
  if (operation === "close") return store.close();
  // Arguments belong to their operation: the only sender is `client.ts`, whose types say so.
  const handler = handlers[operation] as ((...args: readonly unknown[]) => unknown) | undefined;
  if (!handler) throw new Error(`this ledger worker cannot ${operation}`);
  return handler(...args);
}

serve();
