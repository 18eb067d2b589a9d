import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import { childEnvironment } from "./child-environment.ts";
import { type Command, type FailureReason, Reply } from "./protocol.ts";

/** Longer than any sane compile or transfer; a launch gets its expected time on top, four times. */
const TIME_LIMIT_SECONDS = 60;
const CLOSE_LIMIT_SECONDS = 2;
/** A process that was killed ends at once, unless the driver holds it in the kernel. */
const EXIT_LIMIT_MS = 3000;
/** How long after its end what it said before may still arrive. */
const LAST_WORDS_MS = 500;
const STDERR_KEPT = 2048;
/** Commands that may wait for their turn; callers that wait for answers never get near it. */
const MAX_WAITING = 64;

/** Where `probe/unavailable` comes from when the library itself cannot be loaded. */
export const LIBRARY_PLACE = "the webgpu library";

/** How a device process is started. */
export interface ProcessOptions {
  /** Part of the adapter's name, where there are several; the first match is taken. */
  adapterName?: string | undefined;
  /**
   * Whether the device checks every access. Off only for kernels that stay in bounds by their own
   * code and were verified with the checks on: what is measured is the device, not the checks.
   * On by default.
   */
  robustness?: boolean | undefined;
  /**
   * Added to what of the daemon's own environment a device process may know (`childEnvironment`):
   * driver files, visible devices.
   */
  environment?: Readonly<Record<string, string>> | undefined;
  /**
   * Program and arguments that start the process they are followed by, in their own place and under
   * their own pid: they end with `exec`.
   */
  wrapper?: readonly string[] | undefined;
  /** Told as soon as there is a process, before it opens anything. */
  started?: ((pid: number) => void) | undefined;
  /** Ends the process, whatever it is doing. */
  signal?: AbortSignal | undefined;
  /** The child's entry, a built file. */
  childUrl?: URL | undefined;
  timeLimitSeconds?: number | undefined;
}

/** A command without its number. */
export type Body<C> = C extends { id: number } ? Omit<C, "id"> : never;
type Answer<K extends Reply["kind"]> = Extract<Reply, { kind: K }>;

interface Waiting {
  id: number;
  resolve(reply: Reply): void;
  reject(error: AssayError): void;
}

/**
 * A device process and the IPC channel to it: one command at a time, each with a time limit; dead
 * once, dead for good.
 */
export class DeviceChannel {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #limitSeconds: number;
  #waiting: Waiting | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #inLine = 0;
  #nextId = 0;
  #stderr = "";
  #dead: AssayError | undefined;

  constructor(options: ProcessOptions) {
    this.#limitSeconds = options.timeLimitSeconds ?? TIME_LIMIT_SECONDS;
    const settings = JSON.stringify({
      adapterName: options.adapterName,
      robustness: options.robustness ?? true,
      parentPid: process.pid,
    });
    const [execPath = process.execPath, ...wrapperArgs] = options.wrapper ?? [];
    const child = fork(options.childUrl ?? new URL("./child.js", import.meta.url), [settings], {
      env: childEnvironment(process.env, options.environment),
      execPath,
      execArgv: options.wrapper?.length ? [...wrapperArgs, process.execPath] : [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    const { signal } = options;
    const onAbort = (): void => void this.#die("the device process was told to end");
    signal?.addEventListener("abort", onAbort, { once: true });
    if (child.pid !== undefined) options.started?.(child.pid);
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-STDERR_KEPT);
    });
    child.on("message", (message) => this.#receive(message));
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#die(`the device process could not be started or reached: ${error.message}`);
        if (child.pid === undefined) resolve();
      });
      const ended = (code: number | null, killedBy: NodeJS.Signals | null): void => {
        this.#die(`the device process ended with ${killedBy ?? `exit code ${code}`}`);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      child.once("close", ended);
      // Whoever inherited its stderr may keep that open.
      child.once("exit", (...end) => setTimeout(ended, LAST_WORDS_MS, ...end).unref());
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Sends a command when the ones before are answered, and waits for its own answer. */
  ask<K extends Reply["kind"]>(
    body: Body<Command>,
    expected: K,
    extraSeconds = 0,
    limitSeconds: number = this.#limitSeconds,
  ): Promise<Answer<K>> {
    if (this.#inLine >= MAX_WAITING) {
      const message = `${MAX_WAITING} commands wait for the device process already`;
      return Promise.reject(new AssayError("probe/refused", message));
    }
    this.#inLine++;
    const turn = this.#last
      .then(() => this.#exchange(body, limitSeconds + extraSeconds))
      .finally(() => this.#inLine--);
    this.#last = turn.catch(() => undefined);
    return turn.then((reply) => {
      if (isAnswer(reply, expected)) return reply;
      if (reply.kind === "failed") throw this.#failure(reply.reason, reply.message);
      throw this.#die(`the device process answered ${reply.kind} instead of ${expected}`);
    });
  }

  async close(): Promise<void> {
    // A device that is busy is not asked: it could take as long as it likes.
    if (!this.#dead && !this.#waiting) {
      await this.ask({ kind: "close" }, "closed", 0, CLOSE_LIMIT_SECONDS).catch(() => undefined);
    }
    this.#die("the device process was closed");
    await this.#gone();
  }

  /** Waits for the end, but not for ever: then it is left to the kernel, and keeps nobody alive. */
  async #gone(): Promise<void> {
    const waited = new AbortController();
    const limit = delay(EXIT_LIMIT_MS, undefined, { signal: waited.signal }).catch(() => undefined);
    await Promise.race([this.#exited, limit]);
    waited.abort();
    this.#child.stderr?.destroy();
    this.#child.unref();
  }

  #exchange(body: Body<Command>, limitSeconds: number): Promise<Reply> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#die(`the device process did not answer ${body.kind} within ${limitSeconds} s`);
      }, limitSeconds * 1000);
      const settled = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
      };
      this.#waiting = {
        id,
        resolve: (reply) => {
          settled();
          resolve(reply);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      this.#child.send({ ...body, id }, (error) => {
        if (error) this.#die(`the device process cannot be reached: ${error.message}`);
      });
    });
  }

  #receive(message: unknown): void {
    const reply = Reply.safeParse(message);
    if (!reply.success) {
      this.#die(`the device process sent what is no reply: ${reply.error.issues[0]?.message}`);
    } else if (this.#waiting?.id === reply.data.id) {
      this.#waiting.resolve(reply.data);
    } else {
      this.#die(`the device process sent ${reply.data.kind}, which nobody waits for`);
    }
  }

  /** First reason wins; the process is killed whatever it was. */
  #die(reason: string): AssayError {
    if (!this.#dead) {
      const said = sanitize(this.#stderr.trim(), STDERR_KEPT);
      this.#dead = new AssayError("probe/crashed", said ? `${reason}; it said: ${said}` : reason, {
        hint: "the daemon goes on without probes; the driver's own log may say more",
      });
      this.#child.kill("SIGKILL");
    }
    this.#waiting?.reject(this.#dead);
    return this.#dead;
  }

  #failure(reason: FailureReason, message: string): AssayError {
    const shown = sanitize(message, 1024);
    if (reason === "device-lost") return this.#die(`the GPU device was lost: ${shown}`);
    if (reason === "refused") return new AssayError("probe/refused", shown);
    return new AssayError("probe/unavailable", shown, MISSING[reason]);
  }
}

const MISSING = {
  library: {
    place: LIBRARY_PLACE,
    hint: "the WebGPU library needs glibc 2.34 and libstdc++ with GLIBCXX_3.4.30 (GCC 12); the daemon runs without probes",
  },
  "no-adapter": {
    hint: "install the GPU's Vulkan driver and the Vulkan loader; `assay doctor` says what is missing",
  },
} as const;

function isAnswer<K extends Reply["kind"]>(reply: Reply, kind: K): reply is Answer<K> {
  return reply.kind === kind;
}
