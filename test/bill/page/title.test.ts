import { describe, expect, it } from "vitest";
import { titleOf } from "../../../src/bill/page/head.ts";

describe("the title's period", () => {
  it.each([
    ["2026-03-28T20:00Z", "2026-03-31T01:59:40Z", "28 to 31 March 2026"],
    ["2026-03-28T00:00Z", "2026-03-31T00:00Z", "28 to 30 March 2026"],
    ["2026-03-28T09:00Z", "2026-03-28T10:00Z", "28 March 2026"],
    ["2026-03-28T09:00Z", "2026-03-29T00:00Z", "28 March 2026"],
    ["2026-03-28T00:00Z", "2026-03-29T00:00:00.001Z", "28 to 29 March 2026"],
    ["2026-03-31T12:00Z", "2026-04-02T12:00Z", "31 March to 2 April 2026"],
    ["2026-03-05T12:00Z", "2026-04-05T12:00Z", "5 March to 5 April 2026"],
    ["2025-12-31T23:00Z", "2026-01-01T01:00Z", "31 December 2025 to 1 January 2026"],
    ["2025-03-05T00:00Z", "2026-03-06T00:00Z", "5 March 2025 to 5 March 2026"],
  ])("of %s to %s is %s", (from, to, days) => {
    const window = { fromMs: Date.parse(from), toMs: Date.parse(to) };
    expect(titleOf({ report: { window } })).toBe(`GPU time and cost, ${days}`);
  });
});
