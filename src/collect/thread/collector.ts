import { Worker } from "node:worker_threads";
import { AssayError } from "../../model/errors.ts";
import { errorFromWire } from "../../model/error-wire.ts";
import type { Observation } from "../../model/observation.ts";
import type { Collector, OpenResult } from "../contract.ts";
import type { HolderHint } from "../host/board.ts";
import { sleep } from "../sleep.ts";
import type {
  Notice,
  ThreadMessage,
  ThreadOptions,
  ThreadRequest,
  ThreadResult,
} from "./protocol.ts";

export interface ThreadedSettings {
  name: string;
  options: ThreadOptions;
  /** How long closing waits for a call that does not return: 2 s by default. */
  closeTimeoutMs?: number | undefined;
  /** The built entry of the thread; only tests, which run from source, give another. */
  workerUrl?: URL | undefined;
}

export interface ThreadedDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
  onNotice?: ((notice: Notice) => void) | undefined;
  /** Processes that other sources name as users of a device, for one that looks at those. */
  hints?: (() => readonly HolderHint[]) | undefined;
}

/** Without its id. */
type Question = ThreadRequest extends infer R ? (R extends unknown ? Omit<R, "id"> : never) : never;

const CLOSE_TIMEOUT_MS = 2000;
const WORKER = new URL("./worker.js", import.meta.url);
/** It holds little more than one reading: a small heap is enough, and keeps the daemon small. */
const HEAP = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 4 };

const threads = new Set<Thread>();

/**
 * How many threads owe an answer: they may sit in a call that never returns, and ending the process
 * in the usual way would wait for them.
 */
export function stuckThreads(): number {
  return [...threads].filter((thread) => thread.isBusy).length;
}

/**
 * A blocking source on a thread of its own, as a collector. A call that hangs stops nothing but this
 * collector; a thread that dies fails the call under way, and the next `open` starts another.
 */
export class ThreadedCollector implements Collector {
  readonly name: string;
  readonly #settings: ThreadedSettings;
  readonly #deps: ThreadedDeps;
  #thread: Thread | undefined;

  constructor(settings: ThreadedSettings, deps: ThreadedDeps) {
    this.name = settings.name;
    this.#settings = settings;
    this.#deps = deps;
  }

  /** What the source said of itself with its last answer. */
  get detail(): string | undefined {
    return this.#thread?.detail;
  }

  async open(): Promise<OpenResult> {
    this.#thread ??= new Thread(
      this.#settings.workerUrl ?? WORKER,
      this.#settings.options,
      this.#deps.onNotice,
    );
    const result = await this.#thread.ask({ call: "open", nowMs: this.#deps.monotonicMs() });
    if (result && "status" in result) {
      // A source that is not there needs no thread until it is looked for again.
      if (result.status === "absent") await this.close();
      return result;
    }
    throw new Error(`the thread of ${this.name} did not say what it opened`);
  }

  /** @throws AssayError or Error where the source breaks, or its thread has died */
  async collect(atMs: number): Promise<readonly Observation[]> {
    const thread = this.#thread;
    if (!thread) throw new Error(`${this.name} is not open`);
    const nowMs = this.#deps.monotonicMs();
    const hints = this.#deps.hints?.();
    const seen = await thread.ask({ call: "collect", atMs, nowMs, ...(hints && { hints }) });
    if (seen && !("status" in seen)) return seen;
    throw new Error(`the thread of ${this.name} gave no observations`);
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.close(this.#settings.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
  }
}

interface Waiting {
  resolve: (value: ThreadResult) => void;
  reject: (error: Error) => void;
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  detail: string | undefined;
  #reason = "it ended";
  #hasEnded = false;
  #nextId = 1;

  constructor(url: URL, options: ThreadOptions, onNotice?: (notice: Notice) => void) {
    threads.add(this);
    this.#worker = new Worker(url, { workerData: options, resourceLimits: HEAP });
    this.#worker.on("message", (message: ThreadMessage) => {
      if (message.ok && message.notice) onNotice?.(message.notice);
      if (message.ok) this.detail = message.detail ?? this.detail;
      this.#settle(message);
    });
    this.#worker.on("error", (error: Error) => (this.#reason = error.message));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#hasEnded = true;
        threads.delete(this);
        for (const { reject } of this.#waiting.values()) reject(this.#died());
        this.#waiting.clear();
        resolve();
      });
    });
  }

  get isBusy(): boolean {
    return this.#waiting.size > 0;
  }

  async ask(question: Question): Promise<ThreadResult> {
    if (this.#hasEnded) throw this.#died();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...question } satisfies ThreadRequest, []);
    });
  }

  /** Ends the thread after what it does now; one that does not return is left behind. */
  async close(timeoutMs: number): Promise<void> {
    const done = new AbortController();
    const asked = this.ask({ call: "close" }).catch(() => undefined);
    const ended = asked.then(() => this.#ended).then(() => true);
    const inTime = await Promise.race([ended, sleep(timeoutMs, done.signal).then(() => false)]);
    done.abort();
    if (!inTime) this.#worker.unref();
  }

  #settle(message: ThreadMessage): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.ok) waiting?.resolve(message.value);
    else waiting?.reject(errorFromWire(message.error));
  }

  #died(): Error {
    return new AssayError("collect/thread", `a reading thread died: ${this.#reason}`, {
      hint: "it is started again by itself",
    });
  }
}
