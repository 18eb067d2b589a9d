import type { Document, LineCounter } from "yaml";
import { z } from "zod";

/** `:line:column` of a value in a YAML or JSON text, or of the nearest parent that is in the file. */
export function positionOf(
  { document, lines }: { document: Document; lines: LineCounter },
  path: readonly (string | number)[],
): string {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = z.object({ range: z.tuple([z.number()]).rest(z.number()) }).safeParse(node);
    if (!range.success) continue;
    const { line, col } = lines.linePos(range.data.range[0]);
    return `:${line}:${col}`;
  }
  return "";
}
