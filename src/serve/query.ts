import { z } from "zod";
import { FOCUS_VERSIONS } from "../bill/focus/columns.ts";
import { REPORT_FORMATS } from "../bill/formats.ts";
import { DEFAULT_FOCUS, DEFAULT_GROUPS, parseGroups } from "../bill/make-report.ts";
import { AGGREGATE_KEYS, parseAggregate } from "../bill/opencost/aggregate.ts";
import { GROUP_KEYS } from "../bill/report-types.ts";
import { AssayError } from "../model/errors.ts";
import { parseDuration } from "../model/duration.ts";
import { LABELS } from "../model/label.ts";
import { parseOwnerKey } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";

/** Most slices one answer holds. */
const MAX_PAGE = 1000;
const DEFAULT_PAGE = 100;

const text = z.string("is given twice").min(1, "is empty").max(300, "is too long");
const count = (what: z.ZodNumber) =>
  z
    .string("is given twice")
    .regex(/^\d{1,15}$/, "is no whole number")
    .transform(Number)
    .pipe(what);

export const slicesQuery = z.strictObject({
  from: text.optional(),
  to: text.optional(),
  gpu: text.optional(),
  owner: text
    .refine((key) => parseOwnerKey(key) !== undefined, "is no owner such as user:alice or idle")
    .optional(),
  label: z.enum(LABELS, `is none of ${LABELS.join(", ")}`).optional(),
  limit: count(z.number().min(1, "is below 1").max(MAX_PAGE, `is over ${MAX_PAGE}`)).default(
    DEFAULT_PAGE,
  ),
  after: count(z.number()).optional(),
});

export const incidentsQuery = z.strictObject({
  open: z
    .enum(["true", "false"], "is neither true nor false")
    .transform((word) => word === "true")
    .optional(),
  story: text.optional(),
  limit: count(z.number().min(1, "is below 1").max(MAX_PAGE, `is over ${MAX_PAGE}`)).default(
    DEFAULT_PAGE,
  ),
  after: text.optional(),
});

const groups = text.transform((list, context) => {
  const keys = parseGroups(list);
  if (keys) return keys;
  context.addIssue(`is made of ${GROUP_KEYS.join(", ")}, with commas between`);
  return z.NEVER;
});

export const reportQuery = z.strictObject({
  from: text.optional(),
  to: text.optional(),
  month: text.optional(),
  day: text.optional(),
  timeZone: text.optional(),
  groupBy: groups.default([...DEFAULT_GROUPS]),
  currency: text.optional(),
  format: z.enum(REPORT_FORMATS, `is none of ${REPORT_FORMATS.join(", ")}`).default("json"),
  focusVersion: z
    .enum(FOCUS_VERSIONS, `is none of ${FOCUS_VERSIONS.join(", ")}`)
    .default(DEFAULT_FOCUS),
});

const aggregate = text.transform((list, context) => {
  const keys = parseAggregate(list);
  if (keys) return keys;
  context.addIssue(`is made of ${AGGREGATE_KEYS.join(", ")}, with commas between`);
  return z.NEVER;
});

const step = text.transform((length, context) => {
  const ms = length === "hour" || length === "day" ? STEP_MS[length] : parseDuration(length);
  if (ms !== undefined && ms >= 1) return ms;
  context.addIssue("is no length of time, such as 1h or 1d");
  return z.NEVER;
});

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;

/** As OpenCost's `/allocation/compute` takes them. */
export const allocationQuery = z.strictObject({
  window: z.string("is missing, or given twice").min(1, "is empty").max(300, "is too long"),
  aggregate: aggregate.default(["owner"]),
  step: step.optional(),
});

export const noQuery = z.strictObject({});

/**
 * A request's query, checked.
 * @throws AssayError request/invalid, naming the parameter
 */
export function parseQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys")
    throw new AssayError("request/invalid", "A query parameter is unknown.", {
      place: sanitize(issue.keys[0] ?? "", 60),
    });
  const name = sanitize(String(issue?.path[0] ?? "query"), 60);
  throw new AssayError("request/invalid", `${name} ${issue?.message ?? "is wrong"}.`, {
    place: name,
  });
}
