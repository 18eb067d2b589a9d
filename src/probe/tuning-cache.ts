import { createHash } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { sanitize } from "../model/text.ts";
import type { Variant } from "./kernels/variant.ts";
import type { AdapterDescription } from "./protocol.ts";

/** Kernels times GPUs times drivers and versions that a node sees in its life; the oldest go. */
const MAX_ENTRIES = 512;
/** Many times what so many entries take. */
const MAX_BYTES = 2 ** 20;

const text = z.string().max(256);

/** What a choice depends on: another driver, or another text of the shader, is searched anew. */
const TuningKey = z
  .object({
    vendor: text,
    architecture: text,
    device: text,
    /** Holds the driver's version. */
    description: text,
    kernel: text,
    /** SHA-256 of the WGSL, in hexadecimal. */
    shader: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .strict();
export type TuningKey = z.infer<typeof TuningKey>;

const Entry = z
  .object({ key: TuningKey, variant: z.record(z.string().max(64), z.number().int().min(0)) })
  .strict();
type Entry = z.infer<typeof Entry>;

const CacheFile = z.object({ version: z.literal(1), entries: z.array(Entry) }).strict();

export function tuningKey(adapter: AdapterDescription, kernel: string, code: string): TuningKey {
  // Bounded as in the file: an overlong name must not make a file that is refused later.
  const [vendor = "", architecture = "", device = "", description = ""] = [
    adapter.vendor,
    adapter.architecture,
    adapter.device,
    adapter.description,
  ].map((name) => name.slice(0, 256));
  const shader = createHash("sha256").update(code).digest("hex");
  return { vendor, architecture, device, description, kernel, shader };
}

export function sameVariant(a: Variant, b: Variant): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
}

/**
 * Which shape was fastest, in a JSON file. It saves time and is never needed: a file that is
 * missing, damaged or cannot be written costs a search and is said, once each.
 */
export class TuningCache {
  readonly #path: string;
  readonly #say: (message: string) => void;
  readonly #makeFolder: (folder: string) => void;
  readonly #said = new Set<string>();
  #entries: Promise<Map<string, Entry>> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param say takes a message that is safe to show
   * @param makeFolder makes the file's folder, if it is missing; without it, it must be there
   */
  constructor(
    path: string,
    say: (message: string) => void,
    makeFolder: (folder: string) => void = () => undefined,
  ) {
    this.#path = path;
    this.#say = say;
    this.#makeFolder = makeFolder;
  }

  async find(key: TuningKey): Promise<Variant | undefined> {
    return (await this.#loaded()).get(nameOf(key))?.variant;
  }

  /** Resolves when written, or when it is said that it cannot be. */
  async store(key: TuningKey, variant: Variant): Promise<void> {
    const entries = await this.#loaded();
    const name = nameOf(key);
    // Deleted first: the newest are last.
    entries.delete(name);
    entries.set(name, { key, variant: { ...variant } });
    for (const oldest of entries.keys()) {
      if (entries.size <= MAX_ENTRIES) break;
      entries.delete(oldest);
    }
    this.#writing = this.#writing.then(() => this.#write([...entries.values()]));
    await this.#writing;
  }

  #loaded(): Promise<Map<string, Entry>> {
    this.#entries ??= this.#read();
    return this.#entries;
  }

  async #read(): Promise<Map<string, Entry>> {
    try {
      const { size } = await stat(this.#path);
      if (size > MAX_BYTES) throw new Error(`${size} bytes are more than it can have`);
      const content: unknown = JSON.parse(await readFile(this.#path, "utf8"));
      const { entries } = CacheFile.parse(content);
      return new Map(entries.slice(-MAX_ENTRIES).map((entry) => [nameOf(entry.key), entry]));
    } catch (error) {
      if (!isMissing(error)) this.#tell("cannot be used and is started anew", error);
      return new Map();
    }
  }

  /** Beside the file and then in its place: a reader sees the old one or the new one, whole. */
  async #write(entries: readonly Entry[]): Promise<void> {
    const beside = `${this.#path}.${process.pid}.new`;
    try {
      this.#makeFolder(dirname(this.#path));
      const file = await open(beside, "w", 0o600);
      try {
        await file.writeFile(`${JSON.stringify({ version: 1, entries }, null, 1)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.#path);
    } catch (error) {
      this.#tell("cannot be written", error);
      await rm(beside, { force: true }).catch(() => undefined);
    }
  }

  #tell(what: string, error: unknown): void {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    const message = sanitize(`the tuning cache ${this.#path} ${what}: ${reason}`, 1024);
    if (this.#said.has(what)) return;
    this.#said.add(what);
    this.#say(message);
  }
}

function nameOf(key: TuningKey): string {
  const { vendor, architecture, device, description, kernel, shader } = key;
  return JSON.stringify([vendor, architecture, device, description, kernel, shader]);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
