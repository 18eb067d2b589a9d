#!/usr/bin/env node
import { stuckThreads } from "./collect/thread/collector.ts";
import { runProgram } from "./cli/program.ts";

/** Writes synchronously enough for a process that is about to end: waits for the stream to drain. */
async function drain(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
}

async function main(): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      // A second request, when the first is not done quickly enough, is taken at its word.
      if (stopping.signal.aborted) void endAtOnce(130);
      else stopping.abort(signal);
    });
  // A reader that went away (`assay report | head`) is no failure of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
  const code = await runProgram(process.argv, {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    signal: stopping.signal,
    nowMs: () => Date.now(),
  });
  await Promise.all([drain(process.stdout), drain(process.stderr)]);
  if (stuckThreads() === 0) process.exit(code);
  await endAtOnce(code);
}

/** Without waiting for a thread to which a driver does not return: an exit would wait for ever. */
async function endAtOnce(code: number): Promise<void> {
  const { default: koffi } = await import("koffi");
  koffi.load(null).func("_exit", "void", ["int"])(code);
}

await main();
