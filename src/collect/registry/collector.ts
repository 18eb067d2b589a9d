import { AssayError } from "../../model/errors.ts";
import type { RegistryEntry, RegistrySample } from "../../model/sample.ts";
import type { Collector, OpenResult } from "../contract.ts";
import type { Notice } from "../thread/protocol.ts";

/** How one registry is read. `read` throws where it breaks; `close` is safe without `open`, and twice. */
export interface RegistryReader {
  open(): Promise<OpenResult>;
  /** All that it says now. */
  read(): Promise<readonly RegistryEntry[]>;
  close(): Promise<void>;
}

export interface RegistryDeps {
  /** Something to mend though the source works. */
  onNotice?: ((notice: Notice) => void) | undefined;
}

export interface RegistryCollectorSettings {
  /** Of the collector, and `source` of what it emits: `kubelet`, `docker`, … */
  name: string;
  /** Milliseconds between two readings. */
  intervalMs: number;
}

/** What has not changed is said again after this: a little less than a minute, since ticks jitter. */
const REPEAT_MS = 55_000;
/** A node with more is not one that a scheduler made; a line of a recording has to hold them, too. */
const MAX_ENTRIES = 10_000;
const MAX_TEXT_LENGTH = 8 * 1024 * 1024;

/** A registry as a collector: it says what changed at once, and the rest every minute. */
export function createRegistryCollector(
  settings: RegistryCollectorSettings,
  reader: RegistryReader,
  deps: RegistryDeps,
): Collector {
  return new RegistryCollector(settings, reader, deps);
}

class RegistryCollector implements Collector {
  readonly name: string;
  readonly minIntervalMs: number;
  readonly #reader: RegistryReader;
  readonly #deps: RegistryDeps;
  #told: { shape: string; atMs: number } | undefined;
  #hasCut = false;

  constructor(
    { name, intervalMs }: RegistryCollectorSettings,
    reader: RegistryReader,
    deps: RegistryDeps,
  ) {
    this.name = name;
    this.minIntervalMs = intervalMs;
    this.#reader = reader;
    this.#deps = deps;
  }

  async open(): Promise<OpenResult> {
    this.#told = undefined;
    return this.#reader.open();
  }

  async collect(atMs: number): Promise<readonly RegistrySample[]> {
    const entries = this.#bounded(await this.#reader.read());
    const shape = entries.map(([text]) => text).join("\n");
    const told = this.#told;
    // A clock that was set back must not keep it silent.
    const sinceMs = told ? Math.abs(atMs - told.atMs) : Number.POSITIVE_INFINITY;
    if (told?.shape === shape && sinceMs < REPEAT_MS) return [];
    this.#told = { shape, atMs };
    const list = entries.map(([, entry]) => entry);
    return [{ kind: "registry", atMs, source: this.name, entries: list }];
  }

  async close(): Promise<void> {
    this.#told = undefined;
    await this.#reader.close();
  }

  /** In one order, since some sources tell theirs in another each time; as many as are kept. */
  #bounded(entries: readonly RegistryEntry[]): [string, RegistryEntry][] {
    const texts = entries.map((entry): [string, RegistryEntry] => [JSON.stringify(entry), entry]);
    texts.sort(([a], [b]) => Number(a > b) - Number(a < b));
    let length = 0;
    const kept = texts
      .slice(0, MAX_ENTRIES)
      .filter(([text]) => (length += text.length) <= MAX_TEXT_LENGTH);
    if (kept.length < texts.length && !this.#hasCut) {
      this.#hasCut = true;
      const text = `${this.name} tells of more than is kept: ${kept.length} of ${texts.length} entries`;
      const hint = "is it the registry of this node alone? Owners of the rest stay unnamed";
      this.#deps.onNotice?.({ text, hint });
    }
    return kept;
  }
}

/** What is said where a registry breaks: its name first. */
export function registryError(
  name: string,
  message: string,
  detail: { place?: string; hint?: string; cause?: unknown } = {},
): AssayError {
  return new AssayError("collect/registry", `${name}: ${message}`, detail);
}
