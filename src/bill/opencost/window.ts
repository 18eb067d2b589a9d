import { parseDuration } from "../../model/duration.ts";
import type { Window } from "../../model/window.ts";
import { monthOf } from "../focus/months.ts";
import { parseInstant } from "../instant.ts";

const DAY_MS = 86_400_000;

/**
 * A window as OpenCost's API takes it: a length such as `24h` up to now, `today`, `yesterday`, `month`,
 * `lastmonth`, or two ends with a comma between, as RFC 3339 or Unix seconds. All in UTC.
 * Undefined for what is none of these, is empty or reversed.
 */
export function parseWindow(text: string, nowMs: number): Window | undefined {
  const window = named(text, nowMs) ?? lengthToNow(text, nowMs) ?? ends(text);
  return window && window.fromMs < window.toMs ? window : undefined;
}

function named(text: string, nowMs: number): Window | undefined {
  const midnightMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  switch (text) {
    case "today":
      return { fromMs: midnightMs, toMs: midnightMs + DAY_MS };
    case "yesterday":
      return { fromMs: midnightMs - DAY_MS, toMs: midnightMs };
    case "month":
      return monthOf(nowMs);
    case "lastmonth":
      return monthOf(monthOf(nowMs).fromMs - 1);
    default:
      return undefined;
  }
}

function lengthToNow(text: string, nowMs: number): Window | undefined {
  const lengthMs = parseDuration(text);
  // A length from before there were dates is no window that anybody means.
  return lengthMs === undefined || lengthMs > nowMs
    ? undefined
    : { fromMs: nowMs - lengthMs, toMs: nowMs };
}

function ends(text: string): Window | undefined {
  const [from, to, ...more] = text.split(",").map(instant);
  if (from === undefined || to === undefined || more.length > 0) return undefined;
  return { fromMs: from, toMs: to };
}

function instant(text: string): number | undefined {
  return /^\d{1,11}$/.test(text.trim()) ? Number(text.trim()) * 1000 : parseInstant(text);
}
