import { z } from "zod";
import { AssayError } from "../model/errors.ts";

/** A query parameter that is wrong, as the caller should hear it. */
export function parseQuery<T extends z.ZodType>(schema: T, query: unknown): z.infer<T> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.join(", ") : undefined;
  const name = unknown ?? (issue?.path.join(".") || "query");
  throw new AssayError("request/invalid", `${name}: ${issue?.message ?? "is wrong"}`, {
    place: `query parameter ${name}`,
    hint: "times are ISO 8601 or Unix seconds",
  });
}

/** ISO 8601 or Unix seconds → Unix milliseconds. */
export const instant = z.string().transform((text, context) => {
  const atMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(atMs)) return Math.round(atMs);
  context.addIssue({ code: "custom", message: "is no time" });
  return z.NEVER;
});
