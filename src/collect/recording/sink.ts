import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { constants, createGzip, type Gzip } from "node:zlib";
import { AssayError } from "../../model/errors.ts";

/** Where lines go. `flush` and `close` resolve once everything before is in the kernel's hands. */
export interface LineSink {
  /** Bytes taken but not yet passed on. */
  readonly waitingBytes: number;
  /** Bytes passed on so far: what a file has grown to. */
  readonly bytes: number;
  /** False when the caller should wait for {@link LineSink.drained}. */
  write(text: string): boolean;
  drained(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A file, gzipped where its name ends in .gz. Readable by its owner only: recordings hold
 * command lines of other people.
 * @throws AssayError `recording/exists` (unless `force`), `recording/cannot-write`
 */
export async function fileSink(file: string, force: boolean): Promise<LineSink> {
  const handle = await open(file, force ? "w" : "wx", 0o600).catch((cause: unknown) => {
    throw isExisting(cause) ? existing(file) : cannotWrite(file, cause);
  });
  const stream = createWriteStream(file, { fd: handle, flush: true });
  return new StreamSink(file, stream, file.endsWith(".gz") ? createGzip() : undefined, true);
}

/** A stream that is not ours to end, such as standard output. */
export function streamSink(name: string, stream: Writable): LineSink {
  return new StreamSink(name, stream, undefined, false);
}

class StreamSink implements LineSink {
  readonly #name: string;
  readonly #out: Writable;
  readonly #gzip: Gzip | undefined;
  readonly #owned: boolean;
  readonly #failed: Promise<never>;
  readonly #onError: (error: unknown) => void;
  #failure: AssayError | undefined;
  #bytes = 0;
  /** Shared by all who wait: a listener each would be one too many. */
  #draining: Promise<void> | undefined;

  constructor(name: string, out: Writable, gzip: Gzip | undefined, owned: boolean) {
    this.#name = name;
    this.#out = out;
    this.#gzip = gzip;
    this.#owned = owned;
    let reject: (error: AssayError) => void = () => {};
    this.#failed = new Promise<never>((_, rejectFailed) => {
      reject = rejectFailed;
    });
    // Whoever waits gets the error; without anybody waiting it is kept for the next call.
    this.#failed.catch(() => {});
    this.#onError = (error) => {
      this.#failure ??= cannotWrite(this.#name, error);
      reject(this.#failure);
      gzip?.destroy();
    };
    out.on("error", this.#onError);
    gzip?.on("error", this.#onError);
    gzip?.on("data", (packed: Buffer) => {
      this.#bytes += packed.length;
    });
    gzip?.pipe(out, { end: owned });
  }

  get waitingBytes(): number {
    const { writableLength, readableLength } = this.#gzip ?? {
      writableLength: 0,
      readableLength: 0,
    };
    return this.#out.writableLength + writableLength + readableLength;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(text: string): boolean {
    if (this.#failure) throw this.#failure;
    if (!this.#gzip) this.#bytes += Buffer.byteLength(text);
    return (this.#gzip ?? this.#out).write(text);
  }

  async drained(): Promise<void> {
    const head = this.#gzip ?? this.#out;
    if (!head.writableNeedDrain) return;
    this.#draining ??= this.#orFailed(once(head, "drain")).finally(() => {
      this.#draining = undefined;
    });
    await this.#draining;
  }

  async flush(): Promise<void> {
    const gzip = this.#gzip;
    if (gzip)
      await this.#orFailed(
        new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, () => resolve())),
      );
    await this.#passedOn();
  }

  async close(): Promise<void> {
    if (!this.#owned) {
      await this.#passedOn();
      this.#out.off("error", this.#onError);
      return;
    }
    if (this.#failure) throw this.#failure;
    const closed = once(this.#out, "close");
    (this.#gzip ?? this.#out).end();
    await this.#orFailed(closed);
  }

  /** Until what the compressor gave out has left the stream: an empty write ends after it. */
  async #passedOn(): Promise<void> {
    do {
      await this.#orFailed(
        new Promise<void>((resolve) => {
          this.#out.write("", (error) => {
            // The stream's own error event says more, and follows.
            if (error) setImmediate(() => this.#onError(error));
            else resolve();
          });
        }),
      );
    } while (this.#gzip && this.#gzip.readableLength > 0);
  }

  async #orFailed(step: Promise<unknown>): Promise<void> {
    await Promise.race([step, this.#failed]).catch((error: unknown) => {
      throw this.#failure ?? error;
    });
    if (this.#failure) throw this.#failure;
  }
}

function existing(file: string): AssayError {
  return new AssayError("recording/exists", "the file is there already", {
    place: file,
    hint: "choose another name, or overwrite it with --force",
  });
}

function cannotWrite(name: string, cause: unknown): AssayError {
  return new AssayError("recording/cannot-write", "the recording cannot be written", {
    place: name,
    hint: cause instanceof Error ? cause.message : undefined,
    cause,
  });
}

function isExisting(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "EEXIST";
}
