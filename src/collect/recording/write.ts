import type { Writable } from "node:stream";
import type { Observation } from "../../model/observation.ts";
import { RecordingRules } from "./rules.ts";
import { headerLineOf, lineOf } from "./serialize.ts";
import { fileSink, type LineSink, streamSink } from "./sink.ts";

/** How much of a recording a kill may cost. */
const DEFAULT_FLUSH_MS = 5000;
/** Lines that wait for a slow disk; beyond this they are dropped and counted. */
const DEFAULT_MAX_WAITING_BYTES = 8 * 1024 * 1024;

export interface WriteOptions {
  /** A file (gzip where the name ends in .gz), or `-` for `stdout`. */
  file: string;
  /** Where `-` goes. */
  stdout: Writable;
  /** Monotonic milliseconds: when to flush. */
  clock: () => number;
  /** Overwrite an existing file. */
  force?: boolean | undefined;
  flushMs?: number | undefined;
  maxWaitingBytes?: number | undefined;
}

export interface WriteCounts {
  lines: number;
  /** Lines that came while too many waited for the disk. */
  droppedFull: number;
  /** Lines that the reader would refuse: of an unlisted GPU, or back in time (a clock step). */
  droppedRefused: number;
}

/**
 * Writes observations as a recording of format 1 that the reader of this room accepts, as far as it
 * got: a killed writer loses what came after its last flush. Ticks are not written.
 * @throws AssayError `recording/exists`, `recording/cannot-write`
 */
export async function openRecordingWriter(options: WriteOptions): Promise<RecordingWriter> {
  const sink =
    options.file === "-"
      ? streamSink("standard output", options.stdout)
      : await fileSink(options.file, options.force ?? false);
  return new RecordingWriter(sink, options);
}

/** See {@link openRecordingWriter}. Await each `write` to go no faster than the disk. */
export class RecordingWriter {
  readonly #sink: LineSink;
  readonly #clock: () => number;
  readonly #flushMs: number;
  readonly #maxWaitingBytes: number;
  readonly #rules = new RecordingRules();
  readonly #counts: WriteCounts = { lines: 0, droppedFull: 0, droppedRefused: 0 };
  #flushedAtMs: number;
  #closed: Promise<void> | undefined;

  constructor(
    sink: LineSink,
    options: Pick<WriteOptions, "clock" | "flushMs" | "maxWaitingBytes">,
  ) {
    this.#sink = sink;
    this.#clock = options.clock;
    this.#flushMs = options.flushMs ?? DEFAULT_FLUSH_MS;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? DEFAULT_MAX_WAITING_BYTES;
    this.#flushedAtMs = options.clock();
  }

  get counts(): Readonly<WriteCounts> {
    return { ...this.#counts };
  }

  /** What was written so far, packed where the file is; complete after `close`. */
  get bytes(): number {
    return this.#sink.bytes;
  }

  /**
   * Takes one observation; resolves when the next may come.
   * @throws AssayError `recording/cannot-write`, now or for an earlier line; Error if the first
   * observation is not a node with distinct GPUs, or after `close`
   */
  async write(observation: Observation): Promise<void> {
    if (this.#closed) throw new Error("the recording is closed");
    const line = this.#lineOf(observation);
    if (line === undefined) return;
    // Without its node line nothing after it could be read: that one always goes through.
    const full = this.#sink.waitingBytes > this.#maxWaitingBytes;
    if (full && observation.kind !== "node") {
      this.#counts.droppedFull += 1;
      return;
    }
    const room = this.#sink.write(`${line}\n`);
    this.#counts.lines += 1;
    if (!room) await this.#sink.drained();
    const due = this.#clock() - this.#flushedAtMs >= this.#flushMs;
    if (due || this.#counts.lines === 1) await this.flush();
  }

  /** From here on a kill of this process loses nothing written before. */
  async flush(): Promise<void> {
    this.#flushedAtMs = this.#clock();
    await this.#sink.flush();
  }

  /** Writes everything out and ends the file. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#sink.close();
    return this.#closed;
  }

  #lineOf(observation: Observation): string | undefined {
    if (observation.kind === "tick") return undefined;
    const first = this.#counts.lines === 0;
    if (first && observation.kind !== "node")
      throw new Error(`a recording begins with its node, not with ${observation.kind}`);
    const violation = this.#rules.violation(observation);
    if (violation) {
      if (first) throw new Error(`the node cannot be recorded: ${violation.message}`);
      this.#counts.droppedRefused += 1;
      return undefined;
    }
    return first && observation.kind === "node" ? headerLineOf(observation) : lineOf(observation);
  }
}
