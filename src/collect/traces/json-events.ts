import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Assembler } from "stream-json/assembler.js";
import { jsonParser, type Token } from "stream-json/parser.js";
import { sanitize } from "../../model/text.ts";
import { malformedTrace } from "./fault.ts";

/** What is made of a trace while it is read. */
export interface EventTaker {
  /** One of the wanted values that stand beside the events. */
  property(name: string, value: unknown): void;
  event(value: unknown): void;
}

export interface EventFile {
  file: string;
  isGzip: boolean;
  signal: AbortSignal;
}

/**
 * Reads a trace of the Chrome format as a stream: an object with a list `traceEvents`, or that list
 * alone. In memory is one event at a time.
 * @param wanted properties beside the events that are passed on; all others are passed over
 * @returns whether it breaks off before its end
 * @throws AssayError `trace/malformed`
 */
export async function eachEvent(
  { file, isGzip, signal }: EventFile,
  wanted: ReadonlySet<string>,
  taker: EventTaker,
): Promise<boolean> {
  const walk = new Walk(wanted, taker);
  const tokens = jsonParser({ streamValues: false });
  let isFirst = true;
  try {
    for await (const chunk of textOf(file, isGzip, signal)) {
      const text = String(chunk);
      const found = tokens(isFirst ? text.replace(/^\u{feff}/u, "") : text);
      isFirst = false;
      if (typeof found === "object" && "values" in found)
        for (const token of found.values) walk.take(token);
    }
    if (!walk.isWhole && walk.events === 0) throw new Error("it ends before its first event");
    return !walk.isWhole;
  } catch (error) {
    if (signal.aborted || (isCutGzip(error) && walk.events > 0)) return true;
    const why = error instanceof Error ? error.message : String(error);
    throw malformedTrace(`${file}, after ${walk.events} events`, sanitize(why), error);
  }
}

function textOf(file: string, isGzip: boolean, signal: AbortSignal): Readable {
  const raw = createReadStream(file, { signal });
  // Whoever reads the text gets the error.
  const text = isGzip ? pipeline(raw, createGunzip(), () => undefined) : raw;
  return text.setEncoding("utf8");
}

function isCutGzip(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "Z_BUF_ERROR";
}

/** Follows the tokens, and puts together what is wanted of them. */
class Walk {
  readonly #wanted: ReadonlySet<string>;
  readonly #taker: EventTaker;
  events = 0;
  #depth = 0;
  #key = "";
  /** Depth at which the list's events stand; 0 outside of it. */
  #listDepth = 0;
  #target: { assembler: Assembler; depth: number } | undefined;
  #hasBegun = false;

  constructor(wanted: ReadonlySet<string>, taker: EventTaker) {
    this.#wanted = wanted;
    this.#taker = taker;
  }

  /** Everything that was opened was closed. */
  get isWhole(): boolean {
    return this.#hasBegun && this.#depth === 0;
  }

  take(token: Token): void {
    const { name } = token;
    if (name === "startObject" || name === "startArray") {
      this.#open(name === "startArray");
      this.#target?.assembler.consume(token);
      this.#depth += 1;
    } else if (name === "endObject" || name === "endArray") {
      this.#depth -= 1;
      this.#target?.assembler.consume(token);
      if (this.#target?.depth === this.#depth) this.#deliver(this.#target.assembler.current);
      if (this.#depth < this.#listDepth) this.#listDepth = 0;
    } else if (this.#target) this.#target.assembler.consume(token);
    else if (name === "keyValue") this.#key = this.#depth === 1 ? String(token.value) : "";
    else if (this.#isWanted()) this.#deliver("value" in token ? token.value : undefined);
  }

  #open(isArray: boolean): void {
    this.#hasBegun = true;
    if (this.#target) return;
    const isList =
      isArray && (this.#depth === 0 || (this.#depth === 1 && this.#key === "traceEvents"));
    if (isList && this.#listDepth === 0) this.#listDepth = this.#depth + 1;
    else if (this.#isWanted()) this.#target = { assembler: new Assembler(), depth: this.#depth };
  }

  /** Whether a value that stands here is an event, or one of the properties asked for. */
  #isWanted(): boolean {
    if (this.#listDepth > 0) return this.#depth === this.#listDepth;
    return this.#depth === 1 && this.#wanted.has(this.#key);
  }

  #deliver(value: unknown): void {
    this.#target = undefined;
    if (this.#listDepth === 0) {
      this.#taker.property(this.#key, value);
      return;
    }
    this.events += 1;
    this.#taker.event(value);
  }
}
