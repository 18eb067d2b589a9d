import type { LocalHours, Tariff } from "./price-types.ts";
import { isTimed } from "./tariff.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** `22:00-06:00 mon-fri Europe/Berlin`, as a price list has it; undefined for a price at all hours. */
export function tariffWords(tariff: Tariff): string | undefined {
  if (!isTimed(tariff)) return undefined;
  const { hours, days, zone } = tariff;
  return [hours && hoursWords(hours), days && daysWords(days), zone]
    .filter((part) => part !== undefined)
    .join(" ");
}

function hoursWords({ fromMinute, toMinute }: LocalHours): string {
  return `${clock(fromMinute)}-${clock(toMinute)}`;
}

function clock(minutes: number): string {
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60];
  return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

/** Runs of days, from Monday on. */
function daysWords(days: ReadonlySet<number>): string {
  const runs: string[][] = [];
  for (const [i, name] of DAYS.entries()) {
    if (!days.has(i + 1)) continue;
    const last = days.has(i) ? runs.at(-1) : undefined;
    if (last) last.push(name);
    else runs.push([name]);
  }
  return runs.map((run) => (run.length === 1 ? run[0] : `${run[0]}-${run.at(-1)}`)).join(",");
}
