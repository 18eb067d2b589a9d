import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { eventOf, type WorkloadEvent } from "./event.ts";
import { Failed, Refused, Stopped } from "./faults.ts";

/** Lines that are kept of one process; what says more has gone mad. */
const MAX_EVENTS = 20_000;
/** What a process left in its pipes when it ended is read within this. */
const DRAIN_MS = 500;
/** A process that is stuck in a driver does not even go when it is killed; nobody waits for it. */
const STUCK_MS = 10_000;
const TAIL_CHARACTERS = 800;

export interface ChildSettings {
  command: readonly [string, ...string[]];
  /** Where what it says on stderr goes. */
  log: string;
  cwd?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Keep everything it prints, instead of the events in it. */
  wholeOutput?: boolean;
}

/** A process that prints JSON lines, in a process group of its own. */
export class Child {
  readonly events: WorkloadEvent[] = [];
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly #ended: Promise<void>;
  #output = "";
  #hasEnded = false;
  #exit = "";
  #wake: () => void = () => undefined;
  #changed: Promise<void> = Promise.resolve();

  constructor({ command: [program, ...args], log, cwd, env, wholeOutput }: ChildSettings) {
    this.#log = log;
    this.#renew();
    const stderr = openSync(log, "w", 0o600);
    this.#process = spawn(program, args, {
      cwd,
      env,
      detached: true,
      stdio: ["pipe", "pipe", stderr],
    });
    closeSync(stderr);
    this.#process.stdin?.on("error", () => undefined);
    if (wholeOutput)
      this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    else if (this.#process.stdout) {
      const lines = createInterface({ input: this.#process.stdout, crlfDelay: Infinity });
      lines.on("line", (line) => this.#heard(line));
    }
    this.#ended = this.#end();
  }

  /** -1 where it could not be started. */
  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** How it ended: `exit 3`, `SIGKILL`, or why it could not be started. */
  get exit(): string {
    return this.#exit;
  }

  get output(): string {
    return this.#output;
  }

  find(name: string): WorkloadEvent | undefined {
    return this.events.find(({ event }) => event === name);
  }

  send(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Resolves when it said something or ended, after `ms`, or when `signal` aborts. */
  async change(ms: number, signal: AbortSignal): Promise<void> {
    await until(this.#changed, ms, signal);
  }

  /**
   * The first event of a name.
   * @throws Failed if it ends before or does not come in time, Refused, Stopped
   */
  async waitFor(name: string, patienceMs: number, signal: AbortSignal): Promise<WorkloadEvent> {
    const untilMs = performance.now() + patienceMs;
    for (;;) {
      if (signal.aborted) throw new Stopped();
      const found = this.find(name);
      if (found) return found;
      const refused = this.find("refused");
      if (refused) throw new Refused(refused.reason ?? "it gave no reason");
      if (this.hasEnded) throw new Failed(`ended before "${name}" (${this.exit}): ${this.tail()}`);
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw new Failed(`no "${name}" within ${Math.round(patienceMs / 1000)} s`);
      await this.change(leftMs, signal);
    }
  }

  terminate(): void {
    if (!this.hasEnded) this.#process.kill("SIGTERM");
  }

  /** Asks, waits, then kills the whole group: what it has started itself goes too. */
  async end(patienceMs: number): Promise<void> {
    this.terminate();
    await until(this.#ended, patienceMs);
    if (!this.hasEnded) this.#killGroup();
    await until(this.#ended, STUCK_MS);
  }

  /** What it said on stderr so far. */
  get said(): string {
    try {
      return readFileSync(this.#log, "utf8");
    } catch {
      return "";
    }
  }

  /** The last lines of it. */
  tail(): string {
    return this.said.slice(-TAIL_CHARACTERS).trim().split("\n").slice(-3).join(" | ");
  }

  #heard(line: string): void {
    const event = this.events.length < MAX_EVENTS ? eventOf(line, Date.now()) : undefined;
    if (!event) return;
    this.events.push(event);
    this.#renew();
  }

  async #end(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#process.once("close", () => resolve()));
    await new Promise<void>((resolve) => {
      this.#process.once("error", (error) => {
        this.#exit = error.message;
        resolve();
      });
      this.#process.once("exit", (code, signal) => {
        this.#exit = signal ?? `exit ${code}`;
        resolve();
      });
    });
    this.#killGroup();
    await until(closed, DRAIN_MS);
    this.#process.stdout?.destroy();
    this.#process.stdin?.destroy();
    this.#hasEnded = true;
    this.#renew();
  }

  #killGroup(): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, "SIGKILL");
    } catch {
      // Nobody is left in it.
    }
  }

  #renew(): void {
    this.#wake();
    this.#changed = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Resolves when `work` does, after `ms`, or when `signal` aborts: whichever is first. */
export async function until(
  work: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return;
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const timer = setTimeout(stop, Math.max(0, ms));
  signal?.addEventListener("abort", stop);
  await Promise.race([work, stopped]);
  clearTimeout(timer);
  signal?.removeEventListener("abort", stop);
}

/** @throws Stopped if `signal` aborts before the time is up */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await until(new Promise(() => undefined), ms, signal);
  if (signal.aborted) throw new Stopped();
}
