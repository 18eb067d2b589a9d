import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scheduledReports, type ScheduledReport } from "../../../src/config/reports.ts";
import { deliverFile } from "../../../src/daemon/schedule/deliver-file.ts";
import { fileStem, newestDueMs, windowBefore } from "../../../src/daemon/schedule/due.ts";
import { ReportSchedule } from "../../../src/daemon/schedule/schedule.ts";
import { gpu, opened, slice, tempDir } from "../../ledger/fixtures/make.ts";

const DAY = 86_400_000;
const utc = (text: string): number => Date.parse(text);
const schedule = (over: object): ScheduledReport => {
  const base = { name: "daily", cron: "0 6 * * *", window: "previous-day", issue: true };
  const [only] = scheduledReports.parse([{ ...base, ...over }]);
  if (!only) throw new Error("none");
  return only;
};

describe("when a report is due", () => {
  const daily = schedule({});
  it.each([
    ["2026-03-02T06:00:00Z", "2026-03-02T06:00:00Z"],
    ["2026-03-02T05:59:59Z", "2026-03-01T06:00:00Z"],
    ["2026-03-02T06:00:00.001Z", "2026-03-02T06:00:00Z"],
  ])("at %s the newest is %s", (now, due) => {
    expect(newestDueMs(daily, utc(now))).toBe(utc(due));
  });

  it("windows are days of the zone: 23 hours when the clock goes on", () => {
    const berlin = schedule({ timeZone: "Europe/Berlin" });
    const window = windowBefore(berlin, utc("2026-03-30T04:00:00Z"));
    expect(window.toMs - window.fromMs).toBe(DAY - 3_600_000);
    expect(fileStem(berlin, window)).toBe("daily-2026-03-29--2026-03-30");
  });
});

describe("scheduled reports", () => {
  it("are made up once after a downtime, survive a missing directory, and overwrite nothing", async () => {
    const [stateDir, root] = [tempDir(), tempDir()];
    const ledger = await opened({ stateDir });
    await ledger.append({ gpus: [gpu()], slices: [slice()] });
    const directory = join(root, "reports");
    const clock = { ms: 7 * 3_600_000 };
    const said: string[] = [];
    const note = (fields: object, text?: string): void =>
      void said.push(`${text ?? ""} ${JSON.stringify(fields)}`);
    const make = () =>
      new ReportSchedule({
        schedules: [schedule({ directory })],
        ledger,
        prices: () => undefined,
        names: {},
        stateDir,
        graceMs: 40_000,
        nowMs: () => clock.ms,
        log: { info: note, warn: note },
        onMessages: () => undefined,
      });
    await make().poll();
    expect(said).toEqual([]);
    clock.ms += 3 * DAY;
    const running = make();
    await running.poll();
    expect(said.join()).toContain("the directory is not there");
    mkdirSync(directory);
    await running.poll();
    expect(readdirSync(directory)).toEqual([]);
    clock.ms += 60_000;
    await running.poll();
    expect(readdirSync(directory)).toEqual(["daily-1970-01-03--1970-01-04.csv"]);
    await make().poll();
    expect(await ledger.acts({ kind: "report" })).toHaveLength(1);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it("beside another content a file gets a number", async () => {
    const directory = tempDir();
    const first = await deliverFile(directory, "a", "csv", "one");
    expect(await deliverFile(directory, "a", "csv", "one")).toBe(first);
    const second = await deliverFile(directory, "a", "csv", "two");
    expect(readFileSync(first, "utf8")).toBe("one");
    expect(readFileSync(second, "utf8")).toBe("two");
    expect(readdirSync(directory).sort()).toEqual(["a-2.csv", "a.csv"]);
  });
});
