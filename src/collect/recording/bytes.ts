import { type FileHandle, open, stat } from "node:fs/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { AssayError } from "../../model/errors.ts";

const PLAIN_CHUNK_BYTES = 256 * 1024;
/** Deflate packs at most 1032 to 1, so one chunk never unpacks to more than 17 MB. */
const GZIP_CHUNK_BYTES = 16 * 1024;
const GZIP_MAGIC = [0x1f, 0x8b];

/** The bytes of a recording, unpacked, and whether its gzip stream broke off before its end. */
export interface RecordingBytes {
  readonly gzip: boolean;
  readonly chunks: AsyncIterable<Buffer>;
  /** Only known once `chunks` has ended. */
  truncated(): boolean;
}

/**
 * Opens a recording, plain or gzip by its content. The file is closed when `chunks` ends or is left.
 * @throws AssayError `recording/not-found`, `recording/not-a-file`, `recording/empty`,
 * `recording/not-gzip` (a name in .gz without gzip inside; while reading: damaged gzip)
 */
export async function openBytes(file: string): Promise<RecordingBytes> {
  await requireFile(file);
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const gzip = await startsAsGzip(handle, file);
    let truncated = false;
    const raw = readAll(handle, file, gzip ? GZIP_CHUNK_BYTES : PLAIN_CHUNK_BYTES);
    const chunks = gzip ? unpack(raw, file, () => (truncated = true)) : raw;
    return { gzip, chunks, truncated: () => truncated };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function requireFile(file: string): Promise<void> {
  const found = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  if (found.isFile()) return;
  throw new AssayError(
    "recording/not-a-file",
    found.isDirectory() ? "the path is a directory" : "the path is a special file",
    { place: file, hint: "name one file: .ndjson or .ndjson.gz" },
  );
}

async function startsAsGzip(handle: FileHandle, file: string): Promise<boolean> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  if (bytesRead === 0)
    throw new AssayError("recording/empty", "the file is empty", {
      place: file,
      hint: "was the recording stopped before its first sample?",
    });
  const gzip = bytesRead === 2 && GZIP_MAGIC.every((byte, i) => buffer[i] === byte);
  if (!gzip && file.endsWith(".gz"))
    throw new AssayError("recording/not-gzip", "the file is named .gz but is not gzip", {
      place: file,
      hint: "if it is plain text, rename it to .ndjson",
    });
  return gzip;
}

async function* readAll(
  handle: FileHandle,
  file: string,
  chunkBytes: number,
): AsyncGenerator<Buffer> {
  try {
    for (let position = 0; ;) {
      const { bytesRead, buffer } = await handle
        .read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position)
        .catch((cause: unknown) => {
          throw unreadable(file, cause);
        });
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/**
 * Unpacks gzip chunk by chunk. Each chunk is unpacked whole before the next is read, so that a
 * stream that breaks off still gives everything before the break: piping would drop what is
 * buffered when the error comes.
 */
async function* unpack(
  packed: AsyncIterable<Buffer>,
  file: string,
  onTruncated: () => void,
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const out: Buffer[] = [];
  gunzip.on("data", (chunk: Buffer) => out.push(chunk));
  try {
    for await (const chunk of packed) {
      await settled(gunzip, (done) => gunzip.write(chunk, done)).catch((cause: unknown) => {
        throw damaged(file, cause);
      });
      yield* out.splice(0);
    }
    await settled(gunzip, (done) => {
      gunzip.once("end", done);
      gunzip.end();
    }).catch((cause: unknown) => {
      if (!isCode(cause, "Z_BUF_ERROR")) throw damaged(file, cause);
      onTruncated();
    });
    yield* out.splice(0);
  } finally {
    gunzip.destroy();
  }
}

/** Starts one step of the stream and waits for it, or for the stream's error. */
function settled(
  gunzip: Gunzip,
  start: (done: (error?: Error | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    gunzip.once("error", reject);
    start((error) => {
      if (error) return;
      gunzip.off("error", reject);
      resolve();
    });
  });
}

function damaged(file: string, cause: unknown): AssayError {
  return new AssayError("recording/not-gzip", "the gzip stream is damaged", {
    place: file,
    hint: "copy the recording again, or check it with `gzip -t`",
    cause,
  });
}

function unreadable(file: string, cause: unknown): AssayError {
  const missing = isCode(cause, "ENOENT") || isCode(cause, "ENOTDIR");
  return new AssayError(
    "recording/not-found",
    missing ? "there is no such file" : "the file cannot be read",
    {
      place: file,
      hint: missing ? "check the path" : cause instanceof Error ? cause.message : undefined,
      cause,
    },
  );
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && "code" in cause && cause.code === code;
}
