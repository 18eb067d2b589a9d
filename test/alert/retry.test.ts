import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MAX_RETRY_AFTER_MS,
  outcomeOf,
  RETRY_SCHEDULE_MS,
  retryAfterMs,
} from "../../src/alert/retry.ts";

const NOW_MS = Date.UTC(2025, 5, 1, 12, 0, 0);
const failed = { kind: "failed", reason: "connection failed" } as const;

describe("the schedule", () => {
  test("waits 5 s, 5 min, 30 min, 2 h and longer, then gives up", () => {
    const waits = RETRY_SCHEDULE_MS.map((_, attempts) => {
      const outcome = outcomeOf(failed, attempts, NOW_MS, 0);
      return outcome.state === "retry" ? (outcome.nextAttemptAtMs - NOW_MS) / 1000 : undefined;
    });
    expect(waits).toEqual([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    expect(outcomeOf(failed, waits.length, NOW_MS, 0)).toMatchObject({ state: "dead" });
  });

  test("is lengthened by a quarter at most, and never shortened", () => {
    fc.assert(
      fc.property(
        fc.nat(RETRY_SCHEDULE_MS.length - 1),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.nat(200_000), { nil: undefined }),
        (attempts, random, seconds) => {
          const retryAfter = seconds === undefined ? undefined : String(seconds);
          const answer = { kind: "answered", status: 429, retryAfter } as const;
          const outcome = outcomeOf(answer, attempts, NOW_MS, random);
          const asked = Math.min((seconds ?? 0) * 1000, MAX_RETRY_AFTER_MS);
          const least = Math.max(RETRY_SCHEDULE_MS[attempts] ?? 0, asked);
          const waited = outcome.state === "retry" ? outcome.nextAttemptAtMs - NOW_MS : 0;
          expect(waited).toBeGreaterThanOrEqual(least);
          expect(waited).toBeLessThanOrEqual(least * 1.25 + 1);
        },
      ),
    );
  });
});

describe("Retry-After", () => {
  test.each([
    ["0", 0],
    ["30", 30_000],
    [" 30 ", 30_000],
    ["99999999999999999999", MAX_RETRY_AFTER_MS],
    ["Sun, 01 Jun 2025 12:01:00 GMT", 60_000],
    ["Sunday, 01-Jun-25 12:01:00 GMT", 60_000],
    ["Sun Jun  1 12:01:00 2025", 60_000],
    ["Sun, 01 Jun 2025 11:00:00 GMT", 0],
    ["Fri, 01 Jun 2125 12:00:00 GMT", MAX_RETRY_AFTER_MS],
  ])("%j is understood", (header, waitMs) => {
    expect(retryAfterMs(header, NOW_MS)).toBe(waitMs);
  });

  test.each(["", "soon", "-1", "1.5", "1e3", "12 s", "2025-06-01", "Sun, 99 Foo 2025"])(
    "%j is not, and asks for nothing",
    (header) => {
      expect(retryAfterMs(header, NOW_MS)).toBeUndefined();
    },
  );
});
