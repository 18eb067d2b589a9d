import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { sanitize } from "../../model/text.ts";
import { sleep } from "../sleep.ts";

export interface ChildSettings {
  path: string;
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** It is killed after this. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface ChildEnd {
  code: number | null;
  /** Why it was ended, or could not be started; absent where it ended by itself. */
  failure?: string | undefined;
  /** What it printed, line by line, without lines that were too long. */
  lines: readonly string[];
  /** The first of what it said on standard error, escaped. */
  messages: readonly string[];
}

/** A program of bpftrace with the compiler in it takes some 150 MiB; this is for one that runs away. */
const MAX_MEMORY_KIB = 4 * 1024 ** 2;
const MAX_LINE_CHARS = 2 * 1024 ** 2;
const MAX_LINES = 64;
const MAX_MESSAGES = 40;
const MAX_MESSAGE_CHARS = 300;
/** After SIGKILL, before it is left behind. */
const KILL_MS = 2000;

/**
 * Runs one child to its end: bounded in time, memory and output, in a process group of its own that
 * is killed as a whole. Never rejects. Should the agent be killed, the program ends by itself, since
 * its window does.
 */
export async function runChild(settings: ChildSettings): Promise<ChildEnd> {
  const { path, args, environment, timeoutMs, signal } = settings;
  const lines: string[] = [];
  const messages: string[] = [];
  if (signal?.aborted) return { code: null, failure: "stopped", lines, messages };
  // The shell sets the limit of memory and becomes the program: nothing of it is ever parsed.
  const limited = ["-c", `ulimit -v ${MAX_MEMORY_KIB}; exec "$0" "$@"`, path, ...args];
  const options = { detached: true, env: { ...environment }, stdio: "pipe" as const };
  const child = spawn("/bin/sh", limited, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  eachLine(child.stdout, (line) => void (lines.length < MAX_LINES && lines.push(line)));
  eachLine(child.stderr, (line) => {
    if (line.trim() !== "" && messages.length < MAX_MESSAGES)
      messages.push(sanitize(line, MAX_MESSAGE_CHARS));
  });
  const done = new AbortController();
  const stop = (): void => done.abort();
  signal?.addEventListener("abort", stop, { once: true });
  const ended = endOf(child);
  const late = sleep(timeoutMs, done.signal).then(() => undefined);
  const end = await Promise.race([ended, late]);
  signal?.removeEventListener("abort", stop);
  done.abort();
  const isGone = end ?? (await killed(child, ended));
  const failure = end
    ? end.failure
    : signal?.aborted
      ? "stopped"
      : `did not end within ${Math.round(timeoutMs)} ms${isGone ? "" : ", and cannot be killed"}`;
  return { code: end?.code ?? null, failure, lines, messages };
}

interface Ended {
  code: number | null;
  failure?: string | undefined;
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      resolve({ code: null, failure: `cannot be started: ${error.code ?? error.message}` });
    });
    child.on("close", (code, signal) => {
      resolve({ code, failure: signal === null ? undefined : `ended by ${signal}` });
    });
  });
}

/** The whole group: whatever the program started goes with it. */
async function killed(child: ChildProcess, ended: Promise<Ended>): Promise<boolean> {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended just now.
  }
  const done = new AbortController();
  const late = sleep(KILL_MS, done.signal).then(() => false);
  const isGone = await Promise.race([ended.then(() => true), late]);
  done.abort();
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  return isGone;
}

/** Whole lines; one that is too long is passed over, and what comes after it is not. */
function eachLine(stream: Readable | null, take: (line: string) => void): void {
  if (!stream) return;
  let rest = "";
  let isSkipping = false;
  const end = (line: string): void => {
    if (!isSkipping && line.length <= MAX_LINE_CHARS) take(line);
    isSkipping = false;
  };
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const [first = "", ...others] = chunk.split("\n");
    rest = isSkipping ? "" : rest + first;
    for (const next of others) {
      end(rest);
      rest = next;
    }
    if (rest.length <= MAX_LINE_CHARS) return;
    isSkipping = true;
    rest = "";
  });
  stream.on("end", () => {
    if (rest !== "") end(rest);
  });
  stream.on("error", () => undefined);
}
