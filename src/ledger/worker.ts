import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { BatchAppender } from "./append.ts";
import { asLedgerError, LEDGER_FILE, openForReading, openForWriting } from "./open.ts";
import { type LedgerRequest, toWire, type WorkerMessage } from "./protocol.ts";
import * as queries from "./queries.ts";

/**
 * Entry of a ledger worker thread. One writes, another reads, so that neither a commit nor a long
 * report ever delays the main thread or the other one.
 */
const options = z
  .object({
    role: z.enum(["write", "read"]),
    stateDir: z.string(),
    maxBytes: z.number().optional(),
  })
  .parse(workerData);

function open(): { answer: (request: LedgerRequest) => unknown } {
  const { stateDir, maxBytes } = options;
  if (options.role === "read") {
    const db = openForReading(stateDir);
    return { answer: (request) => (request.op === "close" ? db.close() : read(db, request)) };
  }
  const { db, close } = openForWriting(stateDir, maxBytes);
  const appender = new BatchAppender(db);
  return {
    answer: (request) => {
      if (request.op === "close") return close();
      if (request.op === "append") return appender.append(request.batch);
      return read(db, request);
    },
  };
}

function read(db: Parameters<typeof queries.gpus>[0], request: LedgerRequest): unknown {
  switch (request.op) {
    case "slices":
      return queries.slices(db, request.query);
    case "segments":
      return queries.segments(db, request.query);
    case "usage":
      return queries.usage(db, request.window);
    case "straddling":
      return queries.straddling(db, request.atMs);
    case "gpus":
      return queries.gpus(db);
    case "gaps":
      return queries.gaps(db, request.window);
    case "incidents":
      return queries.incidents(db, request.query);
    case "calibrations":
      return queries.calibrations(db);
    case "extent":
      return queries.extent(db);
    case "lastSliceEnds":
      return queries.lastSliceEnds(db);
    case "due":
      return queries.due(db, request.nowMs, request.limit);
    case "settle":
      return queries.settle(db, request.id, request.endpoint, request.outcome);
    case "outboxStatus":
      return queries.outboxStatus(db);
    default:
      throw new Error(`a ${options.role} worker cannot ${request.op}`);
  }
}

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function serve(): void {
  const { answer } = open();
  const file = join(options.stateDir, LEDGER_FILE);
  // The only sender is our own client in the same program: the message's type is its type there.
  parentPort?.on("message", ({ id, request }: { id: number; request: LedgerRequest }) => {
    try {
      post({ kind: "answer", id, value: answer(request) });
    } catch (error) {
      post({ kind: "error", id, error: toWire(asLedgerError(error, file)) });
    }
    if (request.op === "close") parentPort?.close();
  });
  post({ kind: "ready" });
}

try {
  serve();
} catch (error) {
  post({ kind: "failed", error: toWire(error) });
}
