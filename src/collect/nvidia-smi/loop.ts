import { sleep } from "../sleep.ts";
import { LineChild } from "./child.ts";
import { initialColumns, withoutColumn } from "./columns.ts";
import { failureOf, refusedColumn, type RunEnd } from "./messages.ts";
import { type Header, parseHeader, parseRow, type SmiRow } from "./parse.ts";

export interface LoopSettings {
  path: string;
  intervalMs: number;
  /** The GPUs that are expected to have a row each. */
  uuids: ReadonlySet<string>;
  signal: AbortSignal;
  monotonicMs(): number;
}

/** nvidia-smi itself refuses shorter loops, and a driver gains nothing from them. */
const MIN_LOOP_MS = 50;
/** Silence of this length, and of so many intervals, is a hang and not jitter. */
const MIN_SILENCE_MS = 5000;
const SILENT_INTERVALS = 5;
/** The driver may have to wake each GPU first. */
const FIRST_ROWS_MS = 20_000;
/** Of one node; rows of more GPUs are noise. */
const MAX_GPUS = 256;
const WHAT = "nvidia-smi --query-gpu";

/** The long-lived nvidia-smi that prints one row a GPU and interval; the newest of each is kept. */
export class GpuLoop {
  readonly #settings: LoopSettings;
  readonly #child: LineChild;
  readonly #fresh = new Map<string, SmiRow>();
  readonly #seen = new Set<string>();
  #header: Header | undefined;
  #end: RunEnd | undefined;
  #lastRowMs: number;
  #blockSeen: (() => void) | undefined;

  private constructor(columns: readonly string[], settings: LoopSettings) {
    this.#settings = settings;
    this.#lastRowMs = settings.monotonicMs();
    const loopMs = Math.max(MIN_LOOP_MS, Math.round(settings.intervalMs));
    const query = `--query-gpu=${columns.join(",")}`;
    const args = [query, "--format=csv,nounits", `--loop-ms=${loopMs}`];
    this.#child = new LineChild(settings.path, args, (line, whole) => this.#take(line, whole));
    void this.#noteEnd();
    settings.signal.addEventListener("abort", () => void this.stop("the agent closed it"), {
      once: true,
    });
    if (settings.signal.aborted) void this.stop("the agent closed it");
  }

  /**
   * Starts one that has printed a row for every GPU. A column that the driver does not know ends
   * nvidia-smi at once: then it is started again without it.
   * @throws AssayError `smi/failed`, with how it ended
   */
  static async start(settings: LoopSettings): Promise<GpuLoop> {
    let columns: string[] | undefined = initialColumns();
    for (;;) {
      const loop: GpuLoop = new GpuLoop(columns, settings);
      await loop.#firstBlock();
      const end = loop.#end;
      if (!end && loop.#seen.size > 0) return loop;
      const ended = end ?? (await loop.#giveUp());
      const refused = refusedColumn(ended);
      columns = refused === undefined ? undefined : withoutColumn(columns, refused);
      if (!columns) throw failureOf(WHAT, ended);
    }
  }

  /** The newest row of each GPU that has printed one since the last time. */
  takeFresh(): SmiRow[] {
    const rows = [...this.#fresh.values()];
    this.#fresh.clear();
    return rows;
  }

  /** @throws AssayError `smi/failed` where it has ended, or says nothing any more */
  async check(): Promise<void> {
    const { intervalMs, monotonicMs } = this.#settings;
    if (this.#end) throw failureOf(WHAT, this.#end);
    const silentMs = monotonicMs() - this.#lastRowMs;
    if (silentMs <= Math.max(MIN_SILENCE_MS, SILENT_INTERVALS * intervalMs)) return;
    await this.stop(`no row for ${Math.round(silentMs)} ms`);
    throw failureOf(WHAT, await this.#giveUp());
  }

  stop(why: string): Promise<void> {
    return this.#child.stop(why);
  }

  async #noteEnd(): Promise<void> {
    this.#end = await this.#child.ended;
    this.#blockSeen?.();
  }

  /** How it ended, or what there is to say of one that cannot even be killed. */
  async #giveUp(): Promise<RunEnd> {
    const failure = `no row after ${FIRST_ROWS_MS} ms`;
    await this.stop(failure);
    return this.#end ?? { code: null, signal: null, failure, messages: [] };
  }

  #take(line: string, whole: boolean): boolean {
    if (!whole) return false;
    if (!this.#header) {
      this.#header = parseHeader(line, ["index", "uuid"]);
      return this.#header !== undefined;
    }
    const row = parseRow(line, this.#header);
    // Some versions print the header again at every turn.
    if (!row) return parseHeader(line, ["index", "uuid"]) !== undefined;
    this.#lastRowMs = this.#settings.monotonicMs();
    if (!this.#seen.has(row.uuid) && this.#seen.size >= MAX_GPUS) return true;
    const again = this.#seen.has(row.uuid);
    this.#seen.add(row.uuid);
    this.#fresh.set(row.uuid, row);
    if (again || this.#isBlockSeen()) this.#blockSeen?.();
    return true;
  }

  #isBlockSeen(): boolean {
    return [...this.#settings.uuids].every((uuid) => this.#seen.has(uuid));
  }

  /** Waits for a row of every GPU that is expected, for a second one of any, for the end, or long. */
  async #firstBlock(): Promise<void> {
    const done = new AbortController();
    const seen = new Promise<void>((resolve) => {
      this.#blockSeen = resolve;
    });
    await Promise.race([seen, sleep(FIRST_ROWS_MS, done.signal)]);
    done.abort();
  }
}
