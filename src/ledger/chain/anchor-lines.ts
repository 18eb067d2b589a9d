import { closeSync, openSync, readSync } from "node:fs";
import { z } from "zod";
import { AssayError } from "../../model/errors.ts";

/** A head of the chain as it was told outside of the ledger: one line of JSON. */
export const anchorSchema = z.object({
  node: z.string(),
  atMs: z.int(),
  sequence: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  keyId: z.string(),
  signature: z.string(),
});

export type Anchor = z.infer<typeof anchorSchema>;

/** An anchor and where it stands. */
export interface AnchorLine extends Anchor {
  line: number;
}

const MAX_BYTES = 64 * 1024 ** 2;

/** The lines of a file of anchors, by sequence. @throws AssayError ledger/anchor */
export function readAnchors(path: string): AnchorLine[] {
  const lines = textOf(path).split("\n");
  const anchors = lines.flatMap((text, i) =>
    text.trim() === "" ? [] : [anchorOf(text, i + 1, path, i === lines.length - 1)].flat(),
  );
  if (anchors.length === 0) throw unreadable("it holds no anchor", path);
  return anchors.sort((a, b) => a.sequence - b.sequence);
}

/** A line that has no end was cut as it was written: the last one only. */
function anchorOf(text: string, line: number, path: string, isUnended: boolean): AnchorLine[] {
  try {
    return [{ ...anchorSchema.parse(JSON.parse(text)), line }];
  } catch (cause) {
    if (isUnended) return [];
    throw unreadable(`line ${line} is no anchor`, path, cause);
  }
}

function textOf(path: string): string {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(MAX_BYTES + 1);
      let length = 0;
      for (let got = -1; got !== 0 && length <= MAX_BYTES; length += got)
        got = readSync(file, bytes, length, bytes.length - length, length);
      if (length > MAX_BYTES) throw unreadable(`it is longer than ${MAX_BYTES} bytes`, path);
      return bytes.toString("utf8", 0, length);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw unreadable("it cannot be read", path, cause);
  }
}

function unreadable(why: string, place: string, cause?: unknown): AssayError {
  return new AssayError("ledger/anchor", `the file of anchors cannot be used: ${why}`, {
    place,
    hint: "a line for each anchored head, as ledger.anchor.file has them; what the log has under `anchor` is one",
    cause,
  });
}
