import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import { LABELS } from "../../src/model/label.ts";

const truthLine = z.object({
  kind: z.literal("truth"),
  gpu: z.number(),
  from: z.number(),
  to: z.number(),
  label: z.enum(LABELS),
  /** Several things ran at once; `label` is the rogue one, if there is one. */
  labels: z.array(z.enum(LABELS)).optional(),
  family: z.string().optional(),
  pid: z.number().optional(),
});

export type Truth = z.infer<typeof truthLine>;

export function recordingsIn(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /\.ndjson(\.gz)?$/.test(name));
  return names.sort().map((name) => join(directory, name));
}

/** The truth about devices in a recording; lines about single processes are not counted twice. */
export async function truthOf(file: string): Promise<Truth[]> {
  const raw = createReadStream(file);
  const input = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  const found: Truth[] = [];
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (!line.includes('"truth"')) continue;
    const parsed = truthLine.safeParse(JSON.parse(line));
    if (parsed.success && parsed.data.pid === undefined) found.push(parsed.data);
  }
  return found;
}
