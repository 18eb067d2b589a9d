import { LineChild } from "./child.ts";
import type { RunEnd } from "./messages.ts";

/** More lines than any node has devices or processes. */
const MAX_LINES = 20_000;
const MAX_CHARS = 4 * 1024 * 1024;

export interface RunResult {
  /** True where it ended by itself with exit code 0: then its lines are all there is. */
  complete: boolean;
  lines: readonly string[];
  /** With every line among the messages, since errors are printed like rows. */
  end: RunEnd;
}

/** Runs nvidia-smi once, for at most `timeoutMs`. Never rejects. */
export async function runOnce(
  path: string,
  args: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<RunResult> {
  const lines: string[] = [];
  let chars = 0;
  const child = new LineChild(path, args, (line) => {
    chars += line.length;
    if (lines.length < MAX_LINES && chars < MAX_CHARS) lines.push(line);
    else void child.stop("it printed too much");
    return false;
  });
  const stop = (): void => void child.stop("the agent closed it");
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const late = setTimeout(() => void child.stop(`no end after ${timeoutMs} ms`), timeoutMs);
  const end = await child.ended;
  clearTimeout(late);
  signal.removeEventListener("abort", stop);
  return { complete: end.code === 0 && end.failure === undefined, lines, end };
}
