import { isAbsolute } from "node:path";
import { Cron } from "croner";
import { Info } from "luxon";
import { z } from "zod";
import { REPORT_FORMATS } from "../bill/formats.ts";
import { DEFAULT_GROUPS } from "../bill/make-report.ts";
import { GROUP_KEYS } from "../bill/report-types.ts";

export const SCHEDULED_WINDOWS = ["previous-day", "previous-week", "previous-month"] as const;

/** Why an expression is none; undefined for one that says when. */
function cronProblem(text: string): string | undefined {
  if (text.trim().split(/\s+/).length !== 5)
    return "must be five fields: minute hour day month weekday, such as 0 6 1 * *";
  try {
    const cron = new Cron(text, { paused: true });
    return cron.nextRun() === null ? "names no time that is still to come" : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `is no cron expression (minute hour day month weekday): ${why}`;
  }
}

const cron = z
  .string()
  .max(120)
  .superRefine((text, context) => {
    const message = cronProblem(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

const scheduledReport = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, {
      error: "must be short: lower-case letters, digits and dashes",
    }),
    cron,
    timeZone: z
      .string()
      .refine((zone) => Info.isValidIANAZone(zone), {
        error: "is no time zone, such as UTC or Europe/Berlin",
      })
      .default("UTC"),
    window: z.enum(SCHEDULED_WINDOWS),
    groupBy: z
      .array(z.enum(GROUP_KEYS))
      .min(1)
      .default([...DEFAULT_GROUPS]),
    format: z.enum(REPORT_FORMATS).default("csv"),
    directory: z.string().refine(isAbsolute, "must be an absolute path").optional(),
    /** The name of one of `alert.webhooks`. */
    webhook: z.string().min(1).optional(),
    /** Whether it is put on record as it is given out. */
    issue: z.boolean().default(false),
  })
  .refine(({ directory, webhook, issue }) => directory ?? webhook ?? (issue || undefined), {
    error: "needs a directory, a webhook, or issue: true",
  });

export type ScheduledReport = z.infer<typeof scheduledReport>;

export const scheduledReports = z
  .array(scheduledReport)
  .max(64)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    error: "two scheduled reports have one name",
  })
  .default([]);

/** A report cannot be sent to a webhook that is not configured. */
export function checkReportWebhooks(
  reports: readonly ScheduledReport[],
  webhooks: readonly { name: string }[],
  context: z.RefinementCtx,
): void {
  const names = webhooks.map(({ name }) => name);
  for (const [at, { webhook }] of reports.entries())
    if (webhook !== undefined && !names.includes(webhook))
      context.addIssue({
        code: "custom",
        path: ["reports", at, "webhook"],
        message: `is none of alert.webhooks: ${names.join(", ") || "there is none"}`,
      });
}
