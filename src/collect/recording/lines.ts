const NEWLINE = 0x0a;

/** Whole lines as one text, each ending in a newline; the last block of a file may lack its own. */
export interface LineBlock {
  text: string;
  terminated: boolean;
}

/**
 * Cuts chunks at line ends, so that no character is ever split. Holds at most one chunk and one
 * unfinished line; `onTooLong` must throw when that line passes `maxLineBytes`.
 */
export async function* lineBlocks(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
  onTooLong: () => never,
): AsyncGenerator<LineBlock> {
  let open: Buffer[] = [];
  let openBytes = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      open.push(chunk.subarray(0, end));
      yield { text: Buffer.concat(open).toString("utf8"), terminated: true };
      open = [];
      openBytes = 0;
    }
    if (end < chunk.length) open.push(chunk.subarray(end));
    openBytes += chunk.length - end;
    if (openBytes > maxLineBytes) onTooLong();
  }
  if (openBytes > 0) yield { text: Buffer.concat(open).toString("utf8"), terminated: false };
}
