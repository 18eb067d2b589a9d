import type { Database } from "better-sqlite3";
import { z } from "zod";
import { countedSlice } from "./counted-slice.ts";
import { COUNTED, COUNTED_FROM } from "./slice-sql.ts";
import type { NumberedWindow } from "./writer.ts";

const PAGE = `
  SELECT ${COUNTED}, g.uuid AS gpuUuid, o.kind = 'unobserved' AS isUnobserved
  FROM ${COUNTED_FROM}
  JOIN gpus g ON g.id = s.gpu_id JOIN owners o ON o.id = s.owner_id
  WHERE s.sequence > ? ORDER BY s.sequence LIMIT ?`;

const row = countedSlice.extend({
  isUnobserved: z.int().transform((value) => value === 1),
});

type Row = z.infer<typeof row>;

const PAGE_SLICES = 10_000;

/** Every window of the ledger, as it was appended: its slices follow each other. Other reads may go on. */
export function* storedWindows(db: Database): Generator<NumberedWindow> {
  const statement = db.prepare(PAGE);
  let open: Row[] = [];
  for (let after = 0; ;) {
    const page = z.array(row).parse(statement.all(after, PAGE_SLICES));
    for (const slice of page) {
      const [first] = open;
      if (first && (first.gpuId !== slice.gpuId || first.fromMs !== slice.fromMs)) {
        yield windowOf(first, open);
        open = [];
      }
      open.push(slice);
    }
    const last = page.at(-1);
    if (!last) break;
    after = last.sequence;
  }
  const [first] = open;
  if (first) yield windowOf(first, open);
}

function windowOf({ gpuId, gpuUuid, fromMs, toMs }: Row, slices: readonly Row[]): NumberedWindow {
  return { gpuId, gpuUuid, fromMs, toMs, slices };
}
