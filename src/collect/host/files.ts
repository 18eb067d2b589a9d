import { readSync } from "node:fs";
import { withFile } from "../files.ts";

/** Reused, as nothing waits here: an allocation for each of thousands of files would cost more. */
const BUFFER = Buffer.allocUnsafe(64 * 1024);

/** The beginning of a small file of `/proc` as text; undefined where it is gone or may not be read. */
export function readSmall(path: string): string | undefined {
  return withFile(path, (file) => {
    let length = 0;
    while (length < BUFFER.length) {
      const read = readSync(file, BUFFER, length, BUFFER.length - length, null);
      length += read;
      // A file of /proc that is not full after a read has ended; the page is its usual piece.
      if (read === 0 || read % 4096 !== 0) break;
    }
    return BUFFER.toString("latin1", 0, length);
  });
}
