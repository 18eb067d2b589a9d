import { readSync } from "node:fs";
import { withFile } from "./files.ts";

const CHUNK = Buffer.allocUnsafe(64 * 1024);

/**
 * Hands out the lines of a file one by one, in Latin-1, up to about `maxBytes` of them.
 * @returns whether it could be read, and was read to its end; undefined where it is gone or denied
 */
export function eachLine(
  path: string,
  maxBytes: number,
  onLine: (line: string) => void,
): { isWhole: boolean } | undefined {
  return withFile(path, (file) => {
    let [rest, total] = ["", 0];
    while (total < maxBytes) {
      const read = readSync(file, CHUNK, 0, CHUNK.length, null);
      if (read === 0) {
        if (rest !== "") onLine(rest);
        return { isWhole: true };
      }
      total += read;
      const lines = (rest + CHUNK.toString("latin1", 0, read)).split("\n");
      // A line without an end is not kept to be put together for ever.
      rest = (lines.pop() ?? "").slice(0, CHUNK.length);
      for (const line of lines) onLine(line);
    }
    return { isWhole: false };
  });
}
