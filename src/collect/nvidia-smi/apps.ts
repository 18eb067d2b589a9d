import { type AppRow, parseAppRow, parseHeader } from "./parse.ts";
import { runOnce, type RunResult } from "./run.ts";

/** Who was on the GPUs when one run ended. `tainted`: rows of these devices could not all be read. */
export interface AppList {
  rows: readonly AppRow[];
  tainted: ReadonlySet<string>;
}

export interface AppsSettings {
  path: string;
  intervalMs: number;
  signal: AbortSignal;
  monotonicMs(): number;
}

const ARGS = ["--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,nounits"];
/** A run opens the driver anew; who holds a device changes slowly, and a list speaks for 15 s. */
const MIN_PERIOD_MS = 5000;
const TIMEOUT_MS = 20_000;

/**
 * The compute processes of all GPUs, from one run each 5 s. A long-lived run cannot be used: where
 * nobody is on any GPU its turns print nothing that tells one from the next, so "nobody" and "not
 * yet" look the same. A run that ended well is whole.
 */
export class AppsReader {
  readonly #settings: AppsSettings;
  #running: Promise<void> | undefined;
  #startedMs = Number.NEGATIVE_INFINITY;
  #finished: AppList | undefined;
  #failure: string | undefined;

  constructor(settings: AppsSettings) {
    this.#settings = settings;
  }

  /** Why the newest run told nothing; undefined where it did. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Starts a run if its time has come and none is under way; resolves when that one has ended. */
  refresh(): Promise<void> {
    const { intervalMs, monotonicMs } = this.#settings;
    const nowMs = monotonicMs();
    const isDue = nowMs - this.#startedMs >= Math.max(MIN_PERIOD_MS, intervalMs);
    if (!this.#running && isDue) {
      this.#startedMs = nowMs;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
    }
    return this.#running ?? Promise.resolve();
  }

  /** What the newest run saw, once. */
  take(): AppList | undefined {
    const finished = this.#finished;
    this.#finished = undefined;
    return finished;
  }

  async #run(): Promise<void> {
    const { path, signal } = this.#settings;
    const result = await runOnce(path, ARGS, { timeoutMs: TIMEOUT_MS, signal });
    this.#finished = parseApps(result);
    const { failure, messages, code } = result.end;
    this.#failure = this.#finished
      ? undefined
      : (failure ?? messages.at(-1) ?? `exit code ${code ?? "unknown"}`);
  }
}

/** Undefined where the run was not whole, or printed no header: then nothing is known, not "nobody". */
export function parseApps({ complete, lines }: Pick<RunResult, "complete" | "lines">) {
  if (!complete) return undefined;
  const at = lines.findIndex((line) => parseHeader(line, ["gpu_uuid", "pid"]));
  const header = parseHeader(lines[at] ?? "", ["gpu_uuid", "pid"]);
  if (!header) return undefined;
  const rows: AppRow[] = [];
  const tainted = new Set<string>();
  for (const line of lines.slice(at + 1).filter((text) => text.trim() !== "")) {
    const row = parseAppRow(line, header);
    // A line that names no GPU may be a process of any of them.
    if (!row) return undefined;
    if (row.pid === undefined || row.pid === 0) tainted.add(row.uuid);
    else rows.push(row);
  }
  const list: AppList = { rows, tainted };
  return list;
}
