import { Worker } from "node:worker_threads";
import type { Ledger } from "./contract.ts";
import {
  fromWire,
  type LedgerRequest,
  type WorkerMessage,
  type WorkerOptions,
} from "./protocol.ts";

export interface LedgerOptions {
  stateDir: string;
  /** `write` for the one daemon of a state directory, `read` for everybody else. */
  mode: "write" | "read";
  /** The file never grows beyond this. */
  maxBytes?: number | undefined;
  /** The worker's built entry. */
  workerUrl?: URL | undefined;
}

const WORKER = new URL("./worker.js", import.meta.url);

/** Opens the ledger of a state directory. @throws AssayError ledger/* */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { stateDir, maxBytes, workerUrl = WORKER } = options;
  const writer =
    options.mode === "write"
      ? await LedgerThread.start(workerUrl, { role: "write", stateDir, maxBytes })
      : undefined;
  try {
    const reader = await LedgerThread.start(workerUrl, { role: "read", stateDir });
    return ledgerOver(writer, reader);
  } catch (error) {
    await writer?.close();
    throw error;
  }
}

/** A worker and the requests that wait for it. When the worker dies, all of them fail. */
class LedgerThread {
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { resolve: (v: unknown) => void; reject: (e: Error) => void }
  >();
  private nextId = 1;
  private dead: Error | undefined;

  private constructor(worker: Worker) {
    this.worker = worker;
  }

  static async start(url: URL, options: WorkerOptions): Promise<LedgerThread> {
    const worker = new Worker(url, { workerData: options });
    const thread = new LedgerThread(worker);
    await new Promise<void>((resolve, reject) => {
      worker.on("message", (message: WorkerMessage) => {
        if (message.kind === "ready") resolve();
        else if (message.kind === "failed") reject(fromWire(message.error));
        else thread.settle(message);
      });
      worker.on("error", (error: Error) => {
        reject(error);
        thread.die(error);
      });
      worker.on("exit", () => {
        const error = new Error("the ledger's worker thread has ended");
        reject(error);
        thread.die(error);
      });
    });
    return thread;
  }

  /** The worker answers a request with the value its operation promises: see `worker.ts`. */
  async ask<T>(request: LedgerRequest): Promise<T> {
    if (this.dead) throw this.dead;
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      this.worker.postMessage({ id, request });
    });
  }

  async close(): Promise<void> {
    if (this.dead) return;
    await this.ask({ op: "close" });
    await this.worker.terminate();
  }

  private settle(message: Extract<WorkerMessage, { id: number }>): void {
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === "answer") waiting?.resolve(message.value);
    else waiting?.reject(fromWire(message.error));
  }

  private die(error: Error): void {
    this.dead ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

function ledgerOver(writer: LedgerThread | undefined, reader: LedgerThread): Ledger {
  const write = async <T>(request: LedgerRequest): Promise<T> => {
    if (!writer) throw new Error("this ledger was opened for reading");
    return writer.ask<T>(request);
  };
  return {
    append: (batch) => write({ op: "append", batch }),
    settle: (id, endpoint, outcome) => write({ op: "settle", id, endpoint, outcome }),
    // The deliverer must see what was committed a moment ago: it asks the writer.
    due: (nowMs, limit) => write({ op: "due", nowMs, limit }),
    outboxStatus: () => reader.ask({ op: "outboxStatus" }),
    slices: (query) => reader.ask({ op: "slices", query }),
    segments: (query) => reader.ask({ op: "segments", query }),
    usage: (window) => reader.ask({ op: "usage", window }),
    straddling: (atMs) => reader.ask({ op: "straddling", atMs }),
    gpus: () => reader.ask({ op: "gpus" }),
    gaps: (window) => reader.ask({ op: "gaps", window }),
    incidents: (query) => reader.ask({ op: "incidents", query }),
    calibrations: () => reader.ask({ op: "calibrations" }),
    extent: () => reader.ask({ op: "extent" }),
    lastSliceEnds: () => reader.ask({ op: "lastSliceEnds" }),
    close: async () => {
      await reader.close();
      await writer?.close();
    },
  };
}
