import { formatInstant } from "../../bill/instant.ts";
import { type Report, measuredEnergyMj } from "../../bill/report-types.ts";
import type { ScheduledReport } from "../../config/reports.ts";
import type { OutboxMessage } from "../../ledger/contract.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";

/** As for alerts: receivers of Standard Webhooks need not take more than 20,000 bytes. */
const MAX_BODY_BYTES = 20_000;
const TYPE = "report.issued";

export interface MadeReport {
  report: Report;
  /** Undefined where it is not text. */
  text: string | undefined;
  bytes: number;
  dueMs: number;
  /** Where it is on record, and in which file. */
  id: string | undefined;
  file: string | undefined;
}

/**
 * The message that tells a webhook of a report: totals and where it is, and the report itself where
 * it fits. One schedule's report of one time always has the same id.
 */
export function reportMessage(
  schedule: ScheduledReport,
  endpoint: string,
  made: MadeReport,
  nowMs: number,
): OutboxMessage {
  const { text, bytes } = made;
  const whole = bodyOf(schedule, made, text === undefined ? {} : { document: text });
  const isSmall = text !== undefined && Buffer.byteLength(whole) < MAX_BODY_BYTES;
  const body = isSmall ? whole : bodyOf(schedule, made, { documentLeftOutBytes: bytes });
  const id = `rpt_${schedule.name}_${made.dueMs.toString(36)}`;
  return { id, endpoint, type: TYPE, body, createdAtMs: nowMs };
}

function bodyOf(
  { name, format, groupBy }: ScheduledReport,
  { report, dueMs, id, file }: MadeReport,
  document: object,
): string {
  const { window, totals, currency, coverage, simulated, lines } = report;
  return JSON.stringify({
    type: TYPE,
    timestamp: formatInstant(dueMs),
    data: {
      schedule: name,
      report: id,
      window: { from: formatInstant(window.fromMs), to: formatInstant(window.toMs) },
      groupBy,
      format,
      simulated,
      totals: {
        gpuMs: totals.gpuMs,
        observedMs: totals.observedMs,
        energyMj: measuredEnergyMj(totals),
        cost: totals.cost && formatDecimal(totals.cost.totalNanos, 9),
        currency,
      },
      coverage,
      lines: lines.length,
      file: file === undefined ? undefined : sanitize(file, 1000),
      ...document,
    },
  });
}
