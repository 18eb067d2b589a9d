import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "../../model/errors.ts";
import type { Observation } from "../../model/observation.ts";
import { sanitize } from "../../model/text.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { wantedOf } from "./attribute-table.ts";
import { ContextIntake, type IntakeDeps, type IntakeSettings } from "./intake.ts";
import { contextLineOf } from "./line.ts";
import { inPortions, portionsOf } from "./portions.ts";
import { Tail, type TailedLine } from "./tail.ts";

export interface FollowerSettings extends IntakeSettings {
  /** A file of JSON lines, or a directory of such files. */
  path: string;
  /** Most bytes that one tick reads, of all files together. */
  maxBytesPerTick?: number | undefined;
  /** How much of a file that was there before is read. */
  backlogBytes?: number | undefined;
}

interface Followed {
  path: string;
  tail: Tail;
  /** What was there when it was opened has been read: what comes now is fresh. */
  isCaughtUp: boolean;
  isGone: boolean;
}

const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_BACKLOG_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 64;
const MAX_CONTEXTS_PER_TICK = 2000;
const EXTENSIONS = [".jsonl", ".ndjson", ".json"];

/**
 * Follows a file of JSON lines, or a directory of them, as agents, training code and the OpenTelemetry
 * collector's file exporter write: `context` lines of a recording, and requests of OTLP. Rotation,
 * truncation and a last line that is not whole yet are lived with. It is read anew at every start; ids
 * see to it that nothing counts twice.
 */
export class ContextFollower implements Collector {
  readonly name = "context-file";
  readonly minIntervalMs = 1000;
  readonly #settings: FollowerSettings;
  readonly #deps: IntakeDeps;
  readonly #wanted: ReadonlySet<string>;
  readonly #intake: ContextIntake;
  #files = new Map<string, Followed>();
  #badLines = 0;
  #tooMany = 0;
  /** Files that are not told of again. */
  readonly #told = new Set<string>();
  #turn = 0;

  constructor(settings: FollowerSettings, deps: IntakeDeps = {}) {
    this.#settings = settings;
    this.#deps = deps;
    this.#wanted = wantedOf(settings.table);
    this.#intake = new ContextIntake(settings, deps);
  }

  /** Lines that could not be read, records without a time, files beyond those that are followed. */
  get dropped(): number {
    return this.#badLines + this.#tooMany;
  }

  async open(): Promise<OpenResult> {
    const { path } = this.#settings;
    const found = await stat(path).catch((error: unknown) => notThere(error, path));
    if (!found) {
      const hint = "it is looked for again: it may be written later";
      return { status: "absent", reason: `${path} is not there`, hint };
    }
    if (!found.isFile() && !found.isDirectory())
      throw new AssayError("context/file", `${path} is neither a file nor a directory`, {
        place: path,
      });
    await this.#look();
    return { status: "ready", detail: `JSON lines in ${path}` };
  }

  /** @throws AssayError `context/file` */
  async collect(atMs: number): Promise<readonly Observation[]> {
    await this.#look();
    const seen: Observation[] = [];
    let left = this.#settings.maxBytesPerTick ?? DEFAULT_MAX_BYTES;
    const files = [...this.#files.values()];
    // A file that is written without end must not keep the others waiting for ever.
    this.#turn += 1;
    for (let i = 0; i < files.length && left > 0; i += 1) {
      const followed = files[(i + this.#turn) % files.length];
      if (!followed || seen.length >= MAX_CONTEXTS_PER_TICK) continue;
      left -= await this.#read(followed, { atMs, maxBytes: left }, seen);
    }
    return seen;
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files = new Map();
    await Promise.all(files.map(async ({ tail }) => tail.close()));
  }

  async #read(
    followed: Followed,
    { atMs, maxBytes }: { atMs: number; maxBytes: number },
    seen: Observation[],
  ): Promise<number> {
    const { tail, path } = followed;
    const read = await tail.read(maxBytes).catch((error: unknown) => failed(error, path));
    for (const line of read.lines) await this.#line(line, followed, atMs, seen);
    for (let i = 0; i < read.tooLong; i += 1)
      this.#noteBad(path, tail.offset, "a line is too long");
    if (!read.isAtEnd) return read.bytes;
    followed.isCaughtUp = true;
    if (!followed.isGone) return read.bytes;
    this.#files.delete(tail.identity);
    await tail.close();
    return read.bytes;
  }

  async #line(
    { text, offset }: TailedLine,
    from: Followed,
    atMs: number,
    seen: Observation[],
  ): Promise<void> {
    if (text.trim() === "") return;
    try {
      const line = contextLineOf(text, { file: from.path, line: 0 }, this.#wanted);
      if (line.kind === "context") {
        // Heard of when it says, for the same words to be the same again, but never in the future.
        seen.push({ ...line.context, atMs: Math.min(line.context.atMs, atMs) });
        return;
      }
      for await (const records of portionsOf(await inPortions(line.records))) {
        const taken = this.#intake.take({ records, atMs, isFresh: from.isCaughtUp });
        seen.push(...taken.contexts);
        this.#badLines += taken.refused;
      }
    } catch (error) {
      this.#noteBad(from.path, offset, error instanceof Error ? error.message : String(error));
    }
  }

  #noteBad(path: string, offset: number, why: string): void {
    this.#badLines += 1;
    if (this.#told.has(path) || this.#told.size >= MAX_FILES) return;
    this.#told.add(path);
    this.#deps.onNotice?.({
      text: `${sanitize(path)}, line at byte ${offset}: ${sanitize(why)}; it is passed over`,
      hint: "further ones of the file are counted only (gpu_assay_collector_drops_total)",
    });
  }

  /** Opens what is new, and lets go of what is not there any more once it is read to its end. */
  async #look(): Promise<void> {
    const here = new Map<string, string>();
    for (const path of await this.#paths()) {
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) here.set(`${found.dev}:${found.ino}`, path);
    }
    for (const [identity, followed] of this.#files) {
      const path = here.get(identity);
      followed.isGone = path === undefined;
      followed.path = path ?? followed.path;
    }
    for (const [identity, path] of here) {
      if (this.#files.has(identity)) continue;
      const backlog = this.#settings.backlogBytes ?? DEFAULT_BACKLOG_BYTES;
      const tail = await Tail.open(path, backlog).catch((error: unknown) => failed(error, path));
      if (!tail) continue;
      this.#files.set(tail.identity, { path, tail, isCaughtUp: false, isGone: false });
    }
  }

  async #paths(): Promise<string[]> {
    const { path } = this.#settings;
    const found = await stat(path).catch((error: unknown) => notThere(error, path));
    if (!found?.isDirectory()) return found ? [path] : [];
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) =>
      failed(error, path),
    );
    // No links: whoever may write here must not choose what the agent reads elsewhere.
    const names = entries
      .filter((entry) => entry.isFile() && EXTENSIONS.some((end) => entry.name.endsWith(end)))
      .map(({ name }) => name)
      .sort();
    if (names.length > MAX_FILES && this.#tooMany === 0)
      this.#deps.onNotice?.({
        text: `${path} holds ${names.length} files of run context: the last ${MAX_FILES} by name are followed`,
        hint: "move old ones away",
      });
    this.#tooMany = Math.max(this.#tooMany, names.length - MAX_FILES, 0);
    return names.slice(-MAX_FILES).map((name) => join(path, name));
  }
}

function notThere(error: unknown, path: string): undefined {
  const code: unknown = Reflect.get(Object(error), "code");
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  return failed(error, path);
}

function failed(cause: unknown, path: string): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new AssayError("context/file", `run context cannot be read: ${why}`, {
    place: path,
    hint: "the daemon's user must be able to read it",
    cause,
  });
}
