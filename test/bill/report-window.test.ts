import { describe, expect, it } from "vitest";
import { parseReportWindow } from "../../src/bill/report-window.ts";
import { AssayError } from "../../src/model/errors.ts";

const NOW = Date.parse("2026-03-02T12:00:00Z");
const HOUR = 3_600_000;
const extent = { fromMs: NOW - 10 * HOUR, toMs: NOW - HOUR };

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof AssayError) return error.code;
  }
  return undefined;
}

describe("a report's window", () => {
  it("is the ledger's extent where nothing is given", () => {
    expect(parseReportWindow(undefined, undefined, NOW, extent)).toEqual(extent);
  });

  it.each([
    ["-24h", NOW - 24 * HOUR],
    ["-90m", NOW - 1.5 * HOUR],
    ["-1.5h", NOW - 1.5 * HOUR],
    ["2026-03-02", NOW - 12 * HOUR],
    ["2026-03-02T11:00", NOW - HOUR],
    ["2026-03-02T11:00:00.250Z", NOW - HOUR + 250],
    ["2026-03-02T11:00:00-01:00", NOW],
    ["2026-03-02 11:00Z", NOW - HOUR],
  ])("from %s", (from, fromMs) => {
    expect(parseReportWindow(from, "2026-03-03", NOW, extent).fromMs).toBe(fromMs);
  });

  it("ends now where it says so", () => {
    expect(parseReportWindow("-1h", "now", NOW, undefined)).toEqual({
      fromMs: NOW - HOUR,
      toMs: NOW,
    });
  });

  it("ends now where the ledger is empty and no end is given", () => {
    expect(parseReportWindow("-1h", undefined, NOW, undefined).toMs).toBe(NOW);
  });

  it("does not see a daylight change: the day of one has 24 hours", () => {
    const window = parseReportWindow("2026-03-29", "2026-03-30", NOW, extent);
    expect(window.toMs - window.fromMs).toBe(24 * HOUR);
  });

  it("knows leap days", () => {
    const window = parseReportWindow("2028-02-28", "2028-03-01", NOW, extent);
    expect(window.toMs - window.fromMs).toBe(48 * HOUR);
    expect(codeOf(() => parseReportWindow("2026-02-29", "now", NOW, extent))).toBe("report/window");
  });

  it.each([
    "yesterday",
    "",
    "24h",
    "-24",
    "-x",
    "2026-02-30",
    "9999999999999",
    "-999999999d",
    "NaN",
  ])("refuses %j", (text) => {
    expect(codeOf(() => parseReportWindow(text, "now", NOW, extent))).toBe("report/window");
  });

  it("refuses an empty and a reversed window, and takes one of a millisecond", () => {
    const to = "2026-03-02T11:00:00.000Z";
    expect(codeOf(() => parseReportWindow(to, to, NOW, extent))).toBe("report/window");
    expect(codeOf(() => parseReportWindow("now", to, NOW, extent))).toBe("report/window");
    expect(parseReportWindow("2026-03-02T10:59:59.999Z", to, NOW, extent)).toEqual({
      fromMs: NOW - HOUR - 1,
      toMs: NOW - HOUR,
    });
  });

  it("refuses to guess where the ledger is empty", () => {
    expect(codeOf(() => parseReportWindow(undefined, undefined, NOW, undefined))).toBe(
      "report/window",
    );
  });
});

describe("a window that begins after the newest slice", () => {
  it.each(["2030-01-01", "now", "-1h"])("from %s is not called reversed", (from) => {
    expect(() => parseReportWindow(from, undefined, NOW, extent)).toThrow(
      /begins at .* not before the ledger's newest slice ends/,
    );
  });
});
