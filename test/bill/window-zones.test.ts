import { describe, expect, it } from "vitest";
import { formatInstant } from "../../src/bill/instant.ts";
import { type WindowArguments, reportWindow } from "../../src/bill/report-window.ts";
import { AssayError } from "../../src/model/errors.ts";

const NOW = Date.parse("2026-06-15T12:00:00Z");
const HOUR = 3_600_000;
const extent = { fromMs: NOW - 10 * HOUR, toMs: NOW - HOUR };

const windowOf = (given: WindowArguments) => reportWindow(given, NOW, extent);
const hoursOf = (given: WindowArguments): number => {
  const { fromMs, toMs } = windowOf(given);
  return (toMs - fromMs) / HOUR;
};
const startOf = (given: WindowArguments): string => formatInstant(windowOf(given).fromMs);

function errorOf(given: WindowArguments): AssayError {
  try {
    windowOf(given);
  } catch (error) {
    if (error instanceof AssayError) return error;
  }
  throw new Error("nothing was refused");
}

describe("dates in a time zone", () => {
  it.each([
    ["Europe/Berlin", "2026-03-29", "2026-03-30", 23],
    ["Europe/Berlin", "2026-03-28", "2026-03-29", 24],
    ["Europe/Berlin", "2026-10-25", "2026-10-26", 25],
    ["America/New_York", "2026-03-08", "2026-03-09", 23],
    ["Australia/Lord_Howe", "2026-04-05", "2026-04-06", 24.5],
    ["UTC", "2026-03-29", "2026-03-30", 24],
  ])("in %s from %s to %s", (timeZone, from, to, hours) => {
    expect(hoursOf({ timeZone, from, to })).toBe(hours);
    expect(hoursOf({ timeZone, day: from })).toBe(hours);
  });

  it("begin at the zone's midnight, and at UTC's where no zone is named", () => {
    const given = { from: "2026-03-29", to: "2026-03-30" };
    expect(startOf({ ...given, timeZone: "Europe/Berlin" })).toBe("2026-03-28T23:00:00Z");
    expect(startOf({ ...given, timeZone: "Asia/Kathmandu" })).toBe("2026-03-28T18:15:00Z");
    expect(startOf(given)).toBe("2026-03-29T00:00:00Z");
  });

  it("begin with the first instant of a day whose midnight is skipped, or there twice", () => {
    expect(startOf({ timeZone: "America/Sao_Paulo", day: "2018-11-04" })).toBe(
      "2018-11-04T03:00:00Z",
    );
    expect(hoursOf({ timeZone: "America/Sao_Paulo", day: "2018-11-04" })).toBe(23);
    expect(startOf({ timeZone: "America/Havana", day: "2025-11-02" })).toBe("2025-11-02T04:00:00Z");
    expect(hoursOf({ timeZone: "America/Havana", day: "2025-11-02" })).toBe(25);
  });

  it("leave alone what names an offset, an age or now", () => {
    const timeZone = "Europe/Berlin";
    const from = "2026-03-29T02:30:00+02:00";
    expect(startOf({ timeZone, from, to: "now" })).toBe("2026-03-29T00:30:00Z");
    expect(startOf({ timeZone, from: "2026-03-29T02:30Z", to: "now" })).toBe(
      "2026-03-29T02:30:00Z",
    );
    expect(hoursOf({ timeZone, from: "-24h", to: "now" })).toBe(24);
  });
});

describe("a clock's reading in a time zone", () => {
  const timeZone = "Europe/Berlin";

  it("is refused where clocks skip it, and taken on either side", () => {
    for (const from of ["2026-03-29T02:00", "2026-03-29T02:59:59.999"]) {
      const error = errorOf({ timeZone, from, to: "now" });
      expect(error.code).toBe("report/window");
      expect(error.message).toContain("clocks skip it");
    }
    expect(startOf({ timeZone, from: "2026-03-29T01:59:59.999", to: "now" })).toBe(
      "2026-03-29T00:59:59.999Z",
    );
    expect(startOf({ timeZone, from: "2026-03-29T03:00", to: "now" })).toBe("2026-03-29T01:00:00Z");
  });

  it("is refused where clocks show it twice, with both instants, and taken on either side", () => {
    const to = "2026-10-26";
    for (const from of ["2026-10-25T02:00", "2026-10-25T02:59:59.999"])
      expect(errorOf({ timeZone, from, to }).hint).toMatch(/2026-10-25T00:.*Z or 2026-10-25T01:/);
    expect(startOf({ timeZone, from: "2026-10-25T01:59:59.999", to })).toBe(
      "2026-10-24T23:59:59.999Z",
    );
    expect(startOf({ timeZone, from: "2026-10-25T03:00", to })).toBe("2026-10-25T02:00:00Z");
  });

  it.each(["Berlin", "", "Mars/Olympus", "+02:00", "__proto__"])("has no zone %j", (name) => {
    expect(errorOf({ timeZone: name, day: "2026-03-29" }).code).toBe("report/window");
  });
});

describe("a month and a day", () => {
  it.each([
    ["2026-02", 28 * 24],
    ["2028-02", 29 * 24],
    ["2026-12", 31 * 24],
  ])("of %s", (month, hours) => expect(hoursOf({ month })).toBe(hours));

  it("have the hours that the zone's clocks give them", () => {
    expect(hoursOf({ month: "2026-03", timeZone: "Europe/Berlin" })).toBe(31 * 24 - 1);
    expect(hoursOf({ month: "2026-10", timeZone: "Europe/Berlin" })).toBe(31 * 24 + 1);
  });

  it("know leap days", () => {
    expect(hoursOf({ day: "2028-02-29" })).toBe(24);
    expect(errorOf({ day: "2026-02-29" }).place).toBe("day");
  });

  it.each(["2026", "2026-13", "2026-2", "2026-02-01", "", "last"])("no month is %j", (month) => {
    expect(errorOf({ month }).place).toBe("month");
  });

  it.each(["2026-02-30", "2026-02", "2026-02-01T00:00", ""])("no day is %j", (day) => {
    expect(errorOf({ day }).place).toBe("day");
  });

  it("are not given beside another window", () => {
    expect(errorOf({ month: "2026-02", day: "2026-02-01" }).code).toBe("report/window");
    expect(errorOf({ month: "2026-02", to: "now" }).code).toBe("report/window");
    expect(errorOf({ day: "2026-02-01", from: "-1h" }).code).toBe("report/window");
  });

  it("does not begin after it ends", () => {
    const error = errorOf({ from: "2026-03-30", to: "2026-03-29", timeZone: "Europe/Berlin" });
    expect(error.message).toContain("reversed");
  });
});
