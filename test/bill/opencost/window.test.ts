import { describe, expect, it } from "vitest";
import { formatInstant } from "../../../src/bill/instant.ts";
import { stepsOf } from "../../../src/bill/opencost/steps.ts";
import { parseWindow } from "../../../src/bill/opencost/window.ts";

const NOW = Date.parse("2028-03-01T12:00:00Z");

const shown = (text: string): string | undefined => {
  const window = parseWindow(text, NOW);
  return window && `${formatInstant(window.fromMs)} ${formatInstant(window.toMs)}`;
};

describe("an OpenCost window", () => {
  it.each([
    ["24h", "2028-02-29T12:00:00Z 2028-03-01T12:00:00Z"],
    ["7d", "2028-02-23T12:00:00Z 2028-03-01T12:00:00Z"],
    ["30m", "2028-03-01T11:30:00Z 2028-03-01T12:00:00Z"],
    ["today", "2028-03-01T00:00:00Z 2028-03-02T00:00:00Z"],
    ["yesterday", "2028-02-29T00:00:00Z 2028-03-01T00:00:00Z"],
    ["month", "2028-03-01T00:00:00Z 2028-04-01T00:00:00Z"],
    ["lastmonth", "2028-02-01T00:00:00Z 2028-03-01T00:00:00Z"],
    ["2028-02-01T00:00:00Z,2028-02-02T00:00:00Z", "2028-02-01T00:00:00Z 2028-02-02T00:00:00Z"],
    ["2028-02-01T00:00:00+01:00,2028-02-02", "2028-01-31T23:00:00Z 2028-02-02T00:00:00Z"],
    ["1830297600,1830301200", "2028-01-01T00:00:00Z 2028-01-01T01:00:00Z"],
  ])("%s", (text, window) => expect(shown(text)).toBe(window));

  it.each([
    "",
    "24",
    "0h",
    "-24h",
    "99999999d",
    "Today",
    "constructor",
    "2028-02-30T00:00:00Z,2028-03-01T00:00:00Z",
    "2028-02-02T00:00:00Z,2028-02-01T00:00:00Z",
    "1830297600,1830297600",
    "1830297600",
    "1,2,3",
    "999999999999,9999999999999",
  ])("is not %j", (text) => expect(parseWindow(text, NOW)).toBeUndefined());

  it("has steps without gaps, of which only the last is shorter", () => {
    expect(stepsOf({ fromMs: 5, toMs: 30 }, 10)).toEqual([
      { fromMs: 5, toMs: 15 },
      { fromMs: 15, toMs: 25 },
      { fromMs: 25, toMs: 30 },
    ]);
    expect(stepsOf({ fromMs: 0, toMs: 20 }, 10)).toHaveLength(2);
  });
});
