#!/usr/bin/env node
import { stuckThreads } from "./collect/thread/collector.ts";
import { runProgram } from "./cli/program.ts";

/** Writes synchronously enough for a process that is about to end: waits for the stream to drain. */
async function drain(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
}

async function main(): Promise<void> {
  const stopping = new AbortController();
  stopOnSignals(stopping);
  // A reader that went away (`assay report | head`) is no failure of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
  // Nor must a terminal that was hung up cost what is still to be kept.
  process.stderr.on("error", () => undefined);
  const code = await runProgram(process.argv, {
    stdout: (text) => void process.stdout.write(text),
    stdoutBytes: (bytes) => void process.stdout.write(bytes),
    isTerminal: process.stdout.isTTY,
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    signal: stopping.signal,
    nowMs: () => Date.now(),
  });
  await Promise.all([drain(process.stdout), drain(process.stderr)]);
  if (stuckThreads() === 0) process.exit(code);
  await endAtOnce(code);
}

/** A shell, `npm` or `timeout` passes on what the process has had already from the terminal. */
const SAME_REQUEST_MS = 1000;

function stopOnSignals(stopping: AbortController): void {
  let askedMs: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      askedMs ??= performance.now();
      // A second request, when the first is not done quickly enough, is taken at its word.
      if (performance.now() - askedMs >= SAME_REQUEST_MS) void endAtOnce(130);
      else stopping.abort(signal);
    });
}

/** Without waiting for a thread to which a driver does not return: an exit would wait for ever. */
async function endAtOnce(code: number): Promise<void> {
  const { default: koffi } = await import("koffi");
  koffi.load(null).func("_exit", "void", ["int"])(code);
}

await main();
