import { Worker } from "node:worker_threads";
import { AssayError } from "../model/errors.ts";
import {
  type Arguments,
  type LedgerRequest,
  type Operation,
  type Result,
  type WorkerMessage,
  type WorkerOptions,
  fromWire,
} from "./protocol.ts";

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * A ledger worker and the requests that wait for its answers. When the worker dies, all of them
 * fail, the death is reported, and the next request starts another one.
 */
export class LedgerThread {
  private readonly url: URL;
  private readonly options: WorkerOptions;
  private readonly onDeath: (error: AssayError) => void;
  private readonly waiting = new Map<number, Waiting>();
  private running: Promise<Worker> | undefined;
  private nextId = 1;
  private closed = false;

  constructor(url: URL, options: WorkerOptions, onDeath: (error: AssayError) => void) {
    this.url = url;
    this.options = options;
    this.onDeath = onDeath;
  }

  /** Resolves when the worker has opened the ledger. @throws AssayError ledger/* */
  async start(): Promise<void> {
    await this.worker();
  }

  /** @throws whatever the operation throws; AssayError ledger/worker where the worker died or is closed */
  async ask<O extends Operation>(operation: O, ...args: Arguments<O>): Promise<Result<O>> {
    if (this.closed) throw stopped("the ledger is closed", this.options);
    const value = await this.request(await this.worker(), operation, args);
    // `worker.ts` answers an operation with its result: its handlers have the contract's types.
    return value as Result<O>;
  }

  /** Lets the requests before it finish. Safe twice, and after a death. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const worker = await this.running?.catch(() => undefined);
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    await this.request(worker, "close", []);
    await ended;
  }

  private async request(
    worker: Worker,
    operation: LedgerRequest["operation"],
    args: readonly unknown[],
  ): Promise<unknown> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      worker.postMessage({ id, operation, args } satisfies LedgerRequest, []);
    });
  }

  private async worker(): Promise<Worker> {
    this.running ??= this.launch();
    return this.running;
  }

  private async launch(): Promise<Worker> {
    const worker = new Worker(this.url, {
      workerData: this.options,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    let ready = false;
    let reason = "its thread ended";
    return new Promise((resolve, reject) => {
      worker.on("message", (message: WorkerMessage) => {
        if (message.kind === "ready") {
          ready = true;
          resolve(worker);
        } else if (message.kind === "failed") reject(fromWire(message.error));
        else this.settle(message);
      });
      worker.on("error", (error: Error) => (reason = error.message));
      worker.on("exit", (code) => {
        const error = stopped(`the ledger's ${this.options.role} worker died: ${reason}`, {
          ...this.options,
          code,
        });
        reject(error); // of no effect once it was ready
        this.running = undefined;
        if (ready) this.buried(error);
      });
    });
  }

  private settle(message: Extract<WorkerMessage, { id: number }>): void {
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === "answer") waiting?.resolve(message.value);
    else waiting?.reject(fromWire(message.error));
  }

  private buried(error: AssayError): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of all) reject(error);
    if (!this.closed) this.onDeath(error);
  }
}

function stopped(message: string, at: { stateDir: string; code?: number }): AssayError {
  const exit = at.code === undefined ? "" : ` (exit code ${at.code})`;
  return new AssayError("ledger/worker", `${message}${exit}`, {
    place: at.stateDir,
    hint: "what was acknowledged is on disk; the rest must be appended again",
  });
}
