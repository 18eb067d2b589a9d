import { AssayError } from "../../model/errors.ts";
import type { Observation } from "../../model/observation.ts";
import { BoundedCounts } from "./bounded.ts";
import { openBytes } from "./bytes.ts";
import { headerOf } from "./header.ts";
import { type LineBlock, lineBlocks } from "./lines.ts";
import { observationOf, rawLineOf } from "./parse.ts";
import { type LinePlace, malformed, placeText } from "./place.ts";
import { RecordingRules } from "./rules.ts";
import { type RecordingWarning, WarningLog } from "./warnings.ts";

const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Distinct kinds that are counted apart: a file may be full of invented ones. */
const MAX_KINDS = 32;

export interface LocatedObservation {
  observation: Observation;
  /** Counted from 1. */
  line: number;
}

export interface ReadOptions {
  /** Longest line that is read, in bytes. */
  maxLineBytes?: number | undefined;
  /** Where to count warnings; a log of its own if absent. */
  warnings?: WarningLog | undefined;
}

/**
 * Reads one recording from start to end in constant memory, plain or gzip. The first observation is
 * the node's. Read it once: {@link RecordingReader.batches}, or one by one with `for await`.
 *
 * Both throw AssayError: any `recording/…` code but `exists` and `cannot-write`, with `file:line`.
 */
export class RecordingReader implements AsyncIterable<LocatedObservation> {
  readonly file: string;
  readonly #at: LinePlace & { line: number };
  readonly #warnings: WarningLog;
  readonly #rules = new RecordingRules();
  readonly #maxLineBytes: number;
  readonly #kinds = new BoundedCounts(MAX_KINDS);
  #headerSeen = false;

  constructor(file: string, options: ReadOptions = {}) {
    this.file = file;
    this.#at = { file, line: 0 };
    this.#warnings = options.warnings ?? new WarningLog();
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
  }

  /** Lines read so far. */
  get lines(): number {
    return this.#at.line;
  }

  /** How many lines of which kind so far, skipped ones too; the text may be hostile. */
  get kinds(): ReadonlyMap<string, number> {
    return this.#kinds.counts;
  }

  /** What was put up with so far; complete when the reading has ended. */
  get warnings(): RecordingWarning[] {
    return this.#warnings.list();
  }

  /** One by one: convenient. For speed take {@link RecordingReader.batches}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LocatedObservation> {
    for await (const batch of this.batches()) yield* batch;
  }

  /** A batch for every block of the file, in the order of the file. */
  async *batches(): AsyncGenerator<LocatedObservation[]> {
    const bytes = await openBytes(this.file);
    const onTooLong = (): never => this.#tooLong(this.#at.line + 1);
    let fault: unknown;
    for await (const block of lineBlocks(bytes.chunks, this.#maxLineBytes, onTooLong)) {
      if (fault) continue;
      const batch: LocatedObservation[] = [];
      try {
        this.#readBlock(block, batch);
      } catch (error) {
        // A damaged gzip stream gives garbage before its checksum tells: let it tell first.
        if (!bytes.gzip) throw error;
        fault = error;
      }
      if (batch.length > 0) yield batch;
    }
    if (fault) throw fault;
    if (bytes.truncated()) this.#warnings.add("truncated", "gzip stream", this.#at);
    if (!this.#headerSeen)
      throw new AssayError("recording/empty", "the file holds no line", {
        place: this.file,
        hint: bytes.truncated()
          ? "its gzip stream breaks off before the first line"
          : "was the recording stopped before its first sample?",
      });
  }

  #readBlock({ text, terminated }: LineBlock, batch: LocatedObservation[]): void {
    for (let start = 0; start < text.length;) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      this.#at.line += 1;
      if (end - start > this.#maxLineBytes) this.#tooLong(this.#at.line);
      const observation = this.#readLine(text.slice(start, end), terminated);
      if (observation) batch.push({ observation, line: this.#at.line });
      start = end + 1;
    }
  }

  #readLine(text: string, terminated: boolean): Observation | undefined {
    if (!this.#headerSeen) return this.#readHeader(text);
    if (text.trim() === "") return undefined;
    if (!terminated && !isJson(text)) {
      this.#warnings.add("truncated", "last line", this.#at);
      return undefined;
    }
    const raw = rawLineOf(text, this.#at);
    const observation = observationOf(raw, this.#at, this.#warnings);
    if (typeof raw["kind"] === "string") this.#kinds.add(raw["kind"]);
    if (observation) this.#obey(observation);
    return observation;
  }

  #readHeader(line: string): Observation | undefined {
    const text = line.replace(/^\uFEFF/, "");
    if (text.trim() === "") return undefined;
    const node = headerOf(text, this.#at, this.#warnings);
    this.#headerSeen = true;
    this.#kinds.add("recording");
    this.#obey(node);
    return node;
  }

  #obey(observation: Observation): void {
    const violation = this.#rules.violation(observation);
    if (!violation) return;
    const { code, message, hint } = violation;
    throw new AssayError(code, message, { place: placeText(this.#at), hint });
  }

  #tooLong(line: number): never {
    throw malformed(
      { file: this.file, line },
      `a line is longer than ${this.#maxLineBytes} bytes`,
      "is this a recording at all?",
    );
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
