import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { sanitize } from "../../model/text.ts";
import { sleep } from "../sleep.ts";
import type { RunEnd } from "./messages.ts";

/** No row of nvidia-smi comes near; without an end, a line would fill the memory. */
const MAX_LINE_CHARS = 64 * 1024;
const MAX_MESSAGES = 20;
/** How long a child may take to end after SIGTERM, and after SIGKILL before it is left behind. */
const TERM_MS = 1000;
/** What a child wrote just before it ended is still in the pipe; a grandchild may keep that open. */
const DRAIN_MS = 200;

/**
 * Gets every line of stdout; answering false makes it one of the messages. `whole` is false for a
 * last line that the child did not end.
 */
export type OnLine = (line: string, whole: boolean) => boolean;

/**
 * A running nvidia-smi whose output comes line by line. It holds no shell, no input and no terminal.
 * Should the agent be killed, the pipe breaks and the next line the child writes ends it by SIGPIPE,
 * which Node resets to its default in children.
 */
export class LineChild {
  /** Resolves once it has ended, however it did. */
  readonly ended: Promise<RunEnd>;
  readonly #messages: string[] = [];
  #child: ChildProcess | undefined;
  #failure: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor(path: string, args: readonly string[], onLine: OnLine) {
    this.ended = this.#run(path, args, onLine);
  }

  /** Ends it for this reason: SIGTERM, and SIGKILL for one that takes no notice. */
  stop(failure: string): Promise<void> {
    this.#failure ??= failure;
    this.#stopping ??= this.#kill();
    return this.#stopping;
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill("SIGTERM");
    if (await this.#endsWithin(TERM_MS)) return;
    child.kill("SIGKILL");
    // One that hangs in the driver cannot be killed: it must not hold up the agent.
    await this.#endsWithin(TERM_MS);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const done = new AbortController();
    const late = sleep(ms, done.signal).then(() => false);
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    done.abort();
    return inTime;
  }

  async #run(path: string, args: readonly string[], onLine: OnLine): Promise<RunEnd> {
    try {
      // Messages and numbers in the language they are looked for in.
      const env = { ...process.env, LC_ALL: "C" };
      const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], env });
      this.#child = child;
      const take = (line: string, whole: boolean): void => {
        if (!onLine(line, whole)) this.#note(line);
      };
      const tooLong = (): void => void this.stop("a line is longer than 64 KiB");
      if (child.stdout) readLines(child.stdout, take, tooLong);
      if (child.stderr) readLines(child.stderr, (line) => this.#note(line), tooLong);
      return await this.#end(child);
    } catch (error) {
      return { code: null, signal: null, failure: String(error), messages: [] };
    }
  }

  #end(child: ChildProcess): Promise<RunEnd> {
    return new Promise((resolve) => {
      const end = (part: Omit<RunEnd, "messages">): void => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ failure: this.#failure, ...part, messages: this.#messages });
      };
      child.on("error", (error: NodeJS.ErrnoException) => {
        // An error of a running child is one of signalling it: it goes on.
        if (child.pid !== undefined) return;
        const failure = `cannot be started: ${error.code ?? error.message}`;
        end({ code: null, signal: null, failure, errno: error.code });
      });
      child.on("exit", (code, signal) => {
        const drained = setTimeout(() => end({ code, signal }), DRAIN_MS);
        child.on("close", () => {
          clearTimeout(drained);
          end({ code, signal });
        });
      });
    });
  }

  #note(line: string): void {
    if (line.trim() === "") return;
    this.#messages.push(sanitize(line));
    if (this.#messages.length > MAX_MESSAGES) this.#messages.shift();
  }
}

/** Hands on whole lines; the last one, if it breaks off, once the stream has ended. */
function readLines(
  stream: Readable,
  onLine: (line: string, whole: boolean) => void,
  tooLong: () => void,
): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_CHARS || lines.some((line) => line.length > MAX_LINE_CHARS)) {
      rest = "";
      tooLong();
      return;
    }
    for (const line of lines) onLine(line.endsWith("\r") ? line.slice(0, -1) : line, true);
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest, false);
  });
  stream.on("error", () => undefined);
}
