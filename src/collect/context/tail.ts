import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** A line without its end, and where it stands. */
export interface TailedLine {
  text: string;
  /** Of its first byte. */
  offset: number;
}

export interface TailRead {
  lines: TailedLine[];
  bytes: number;
  /** Lines too long to be kept: passed over. */
  tooLong: number;
  /** There was nothing more to read. */
  isAtEnd: boolean;
}

/** Longest line that is read. */
const MAX_LINE_BYTES = 1024 * 1024;
/** Enough to see that a file of the same name and size is another one. */
const HEAD_BYTES = 256;
const NEWLINE = 10;

/**
 * Reads a file that grows, piece by piece. One that was cut, or written anew in place, is read from its
 * start; a last line without its end waits for the rest.
 */
export class Tail {
  readonly #file: FileHandle;
  /** Of the device and inode: a file that is renamed stays itself. */
  readonly identity: string;
  #offset: number;
  #carry: Buffer = Buffer.alloc(0);
  #isSkipping: boolean;
  #head: Buffer = Buffer.alloc(0);

  private constructor(file: FileHandle, identity: string, offset: number) {
    this.#file = file;
    this.identity = identity;
    this.#offset = offset;
    // Whoever begins in the middle begins in the middle of a line.
    this.#isSkipping = offset > 0;
  }

  /**
   * Undefined where it is no regular file.
   * @param backlogBytes how much of what is there already is read
   * @throws Error of the file system
   */
  static async open(path: string, backlogBytes: number): Promise<Tail | undefined> {
    // A pipe without a writer would block the thread that opens it.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat().catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
    if (!stat.isFile()) {
      await file.close();
      return undefined;
    }
    const offset = Math.max(0, stat.size - backlogBytes);
    return new Tail(file, `${stat.dev}:${stat.ino}`, offset);
  }

  /** How far it has been read, in bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Up to so many bytes of what is new. @throws Error of the file system */
  async read(maxBytes: number): Promise<TailRead> {
    const { size } = await this.#file.stat();
    const isSame = await this.#noteHead();
    if (size < this.#offset || !isSame) this.#rewind();
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(0, size - this.#offset)));
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset);
    const startsAt = this.#offset - this.#carry.length;
    this.#offset += bytesRead;
    const found = this.#cut(Buffer.concat([this.#carry, buffer.subarray(0, bytesRead)]), startsAt);
    return { ...found, bytes: bytesRead, isAtEnd: this.#offset >= size };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #cut(data: Buffer, dataOffset: number): Pick<TailRead, "lines" | "tooLong"> {
    const lines: TailedLine[] = [];
    let [start, tooLong] = [0, 0];
    for (;;) {
      const end = data.indexOf(NEWLINE, start);
      if (end < 0) break;
      if (this.#isSkipping) this.#isSkipping = false;
      else if (end - start > MAX_LINE_BYTES) tooLong += 1;
      else lines.push({ text: data.toString("utf8", start, end), offset: dataOffset + start });
      start = end + 1;
    }
    this.#carry = data.subarray(start);
    if (this.#isSkipping) this.#carry = Buffer.alloc(0);
    if (this.#carry.length > MAX_LINE_BYTES) {
      this.#carry = Buffer.alloc(0);
      this.#isSkipping = true;
      tooLong += 1;
    }
    return { lines, tooLong };
  }

  #rewind(): void {
    this.#offset = 0;
    this.#carry = Buffer.alloc(0);
    this.#isSkipping = false;
  }

  /** @returns whether the file still begins as it did */
  async #noteHead(): Promise<boolean> {
    const buffer = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await this.#file.read(buffer, 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    const isSame = head.subarray(0, this.#head.length).equals(this.#head);
    this.#head = head;
    return isSame;
  }
}
