import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { formatSpec } from "../../bill/formats.ts";
import { issuedReport, reportOf as storedReport } from "../../bill/issue.ts";
import { DEFAULT_FOCUS } from "../../bill/make-report.ts";
import { agentVersion } from "../../config/data.ts";
import type { ConfiguredNames } from "../../bill/names.ts";
import type { PriceList } from "../../bill/price-types.ts";
import { reportOf, withBooks } from "../../bill/report.ts";
import { isStoredFormat, renderStored } from "../../bill/stored-formats.ts";
import type { Report } from "../../bill/report-types.ts";
import type { ScheduledReport } from "../../config/reports.ts";
import type { Ledger, LedgerReader } from "../../ledger/contract.ts";
import { AssayError } from "../../model/errors.ts";
import { SHORT_ID_BYTES, shortId } from "../../model/short-id.ts";
import type { Window } from "../../model/window.ts";
import { deliverFile } from "./deliver-file.ts";
import { ScheduleDone } from "./done.ts";
import { fileStem, newestDueMs, windowBefore } from "./due.ts";
import { reportMessage } from "./message.ts";

export interface ScheduleSettings {
  schedules: readonly ScheduledReport[];
  ledger: LedgerReader & Pick<Ledger, "append">;
  prices: () => PriceList | undefined;
  /** What the configuration says of who bills. */
  names: ConfiguredNames;
  stateDir: string;
  /** How long after a window's end its last slices may come. */
  graceMs: number;
  nowMs: () => number;
  log: Pick<Logger, "info" | "warn">;
  /** Messages were committed. */
  onMessages: () => void;
}

/** Also how soon a step of the clock is noticed. */
const POLL_MS = 10_000;
const RETRY = { firstMs: 60_000, maxMs: 3_600_000 };

interface Made {
  report: Report;
  content: string | Uint8Array;
  id: string | undefined;
}

interface Retry {
  dueMs: number;
  atMs: number;
  waitMs: number;
}

/**
 * Makes the reports that the configuration asks for, when they are due. One that was missed while the
 * daemon was down is made at the next start: the newest of each schedule. What fails is said, and
 * tried again until the next one is due; nothing here stops the daemon.
 */
export class ReportSchedule {
  readonly #settings: ScheduleSettings;
  readonly #done: ScheduleDone;
  readonly #retries = new Map<string, Retry>();

  constructor(settings: ScheduleSettings) {
    this.#settings = settings;
    this.#done = new ScheduleDone(settings.stateDir);
  }

  /** Until the signal. Never rejects. */
  async run(
    sleep: (ms: number, signal?: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted && this.#settings.schedules.length > 0) {
      await this.poll();
      await sleep(POLL_MS, signal);
    }
  }

  /** Makes what is due now. Never rejects. */
  async poll(): Promise<void> {
    for (const schedule of this.#settings.schedules)
      await this.#pollOne(schedule).catch((error: unknown) => this.#say(schedule, error));
  }

  async #pollOne(schedule: ScheduledReport): Promise<void> {
    const { graceMs } = this.#settings;
    const nowMs = this.#settings.nowMs();
    const doneMs = this.#done.of(schedule.name);
    // A schedule that is new begins now: what was due before nobody had asked for.
    if (doneMs === undefined) return this.#mark(schedule, nowMs);
    const dueMs = newestDueMs(schedule, nowMs);
    if (dueMs === undefined || dueMs <= doneMs) return;
    const window = windowBefore(schedule, dueMs);
    if (nowMs < window.toMs + graceMs) return;
    const retry = this.#retries.get(schedule.name);
    if (retry?.dueMs === dueMs && nowMs < retry.atMs && nowMs >= retry.atMs - retry.waitMs) return;
    try {
      await this.#make(schedule, window, dueMs);
      this.#retries.delete(schedule.name);
      this.#mark(schedule, dueMs);
    } catch (error) {
      const before = retry?.dueMs === dueMs ? retry.waitMs : 0;
      const waitMs = Math.min(Math.max(RETRY.firstMs, 2 * before), RETRY.maxMs);
      this.#retries.set(schedule.name, { dueMs, waitMs, atMs: nowMs + waitMs });
      this.#say(schedule, error);
    }
  }

  async #make(schedule: ScheduledReport, window: Window, dueMs: number): Promise<void> {
    const { ledger, log, nowMs, onMessages } = this.#settings;
    const { directory, webhook, format, name } = schedule;
    const { report, content, id } = await this.#report(schedule, window, dueMs);
    const { extension } = formatSpec(format);
    const stem = fileStem(schedule, window);
    const file =
      directory === undefined ? undefined : await deliverFile(directory, stem, extension, content);
    if (webhook !== undefined) {
      const text = typeof content === "string" ? content : undefined;
      const made = { report, text, bytes: Buffer.byteLength(content), dueMs, id, file };
      await ledger.append({ outbox: [reportMessage(schedule, webhook, made, nowMs())] });
      onMessages();
    }
    log.info({ schedule: name, report: id, file, webhook }, "a scheduled report is made");
  }

  /** The report; where it is issued, the one on record of that schedule and time. */
  async #report(schedule: ScheduledReport, window: Window, dueMs: number): Promise<Made> {
    const { ledger, nowMs } = this.#settings;
    const { name, groupBy, format, issue } = schedule;
    const id = issue ? idOf(schedule, dueMs) : undefined;
    const [known] = issue ? await ledger.acts({ kind: "report", id }) : [];
    if (known?.kind === "report" && isStoredFormat(format)) {
      const report = storedReport(known);
      return { report, content: renderStored(report, format), id };
    }
    const prices = this.#settings.prices();
    const { cuts, render } = formatSpec(format);
    const { names } = this.#settings;
    // Without the head of the chain, which would be another one when it is made a second time.
    const maker = { madeBy: `gpu-assay ${agentVersion()}` };
    const options = { groupBy, focusVersion: DEFAULT_FOCUS, names, maker };
    // It bears the time it was due: made twice of one ledger it is one report.
    const request = { ledger, prices, window, groupBy, cuts, nowMs: dueMs };
    const made = await withBooks(request, (books) => ({
      report: reportOf(books, groupBy),
      content: render(books, options),
    }));
    if (id === undefined || known) return { ...made, id };
    const reason = `scheduled: ${name}`;
    const asked = { format, schedule: name, dueMs };
    const told = { id, by: "agent", reason, nowMs: nowMs(), request: asked };
    await ledger.append({ acts: [await issuedReport(made.report, ledger, prices, told)] });
    return { ...made, id };
  }

  #mark(schedule: ScheduledReport, dueMs: number): void {
    try {
      this.#done.mark(schedule.name, dueMs);
    } catch (error) {
      this.#settings.log.warn(
        { schedule: schedule.name, reason: String(error) },
        "it cannot be remembered that a scheduled report is made: a restart makes it again",
      );
    }
  }

  #say({ name }: ScheduledReport, error: unknown): void {
    const { code, place, hint } = error instanceof AssayError ? error : {};
    const reason = error instanceof Error ? error.message : String(error);
    this.#settings.log.warn(
      { schedule: name, code, place, hint, reason },
      "a scheduled report could not be made, and is tried again",
    );
  }
}

/** The same for one schedule and time: a crash between two steps makes no second one. */
function idOf({ name }: ScheduledReport, dueMs: number): string {
  const digest = createHash("sha256").update(`${name} ${dueMs}`).digest();
  return shortId("R", digest.subarray(0, SHORT_ID_BYTES));
}

/** How long the end of the daemon waits for a scheduled report that is being made. */
const END_GRACE_MS = 2000;

/** Waits for the schedule's end, but not for a directory that hangs: the next run makes the report. */
export async function unlessItHangs(
  running: Promise<void> | undefined,
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!running) return;
  const over = new AbortController();
  await Promise.race([running, sleep(END_GRACE_MS, over.signal)]);
  over.abort();
}
