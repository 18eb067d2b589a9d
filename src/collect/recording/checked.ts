import type { z } from "zod";
import { isRecord, pathText, type RawLine, withoutNulls } from "./fields.ts";
import { type LinePlace, malformed } from "./place.ts";
import type { WarningLog } from "./warnings.ts";

/** Takes null fields out of each entry; leaves what is no list of objects to the schema. */
export function entriesOf(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  return list.map((entry: unknown) => (isRecord(entry) ? withoutNulls(entry) : entry));
}

export function checked<T extends z.ZodObject>(
  schema: T,
  raw: RawLine,
  at: LinePlace,
  warnings: WarningLog,
): z.infer<T> {
  const result = schema.safeParse(withoutNulls(raw));
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = pathText(issue?.path ?? []);
    throw malformed(at, `\`${path}\`: ${issue?.message ?? "of the wrong type"}`);
  }
  countUnknown(String(raw["kind"]), [raw], schema, at, warnings);
  return result.data;
}

export function countUnknown(
  owner: string,
  entries: readonly unknown[],
  schema: z.ZodObject,
  at: LinePlace,
  warnings: WarningLog,
): void {
  for (const entry of entries) {
    for (const field in isRecord(entry) ? entry : {})
      if (!Object.hasOwn(schema.shape, field))
        warnings.add("unknown-field", `${owner}.${field}`, at);
  }
}
