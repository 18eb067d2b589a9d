import { formatDuration } from "../../model/duration.ts";

const SECONDS_AN_HOUR = 3600;

/** `2026-03-01 14:05:10` of an ISO time; in UTC, as everything here. */
export function clock(iso: string): string {
  return iso.slice(0, 19).replace("T", " ");
}

/** Of an ISO time what differs from another: the time of day where the day is the same. */
export function clockBeside(iso: string, other: string): string {
  return iso.slice(0, 10) === other.slice(0, 10) ? iso.slice(11, 19) : clock(iso);
}

export function span(from: string, to: string): string {
  return formatDuration(Math.max(Date.parse(to) - Date.parse(from), 0)) || "0 s";
}

/** `0.36 GPU-hours`, or seconds where there are few. */
export function gpuTime(seconds: number): string {
  if (seconds < SECONDS_AN_HOUR / 10) return `${seconds.toFixed(1)} GPU-seconds`;
  const hours = seconds / SECONDS_AN_HOUR;
  return `${hours.toFixed(hours < 10 ? 2 : 1)} GPU-hours`;
}

export function energy(kwh: number | undefined): string {
  return kwh === undefined ? "energy not measured" : `${kwh.toFixed(kwh < 10 ? 3 : 1)} kWh`;
}
