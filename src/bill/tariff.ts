import { DateTime } from "luxon";
import { type Window, intersect } from "../model/window.ts";
import { overlap } from "./overlap-error.ts";
import type { LocalHours, Tariff } from "./price-types.ts";

const DAY_MS = 86_400_000;
const DAY_MINUTES = 24 * 60;
const ALL_DAY: LocalHours = { fromMinute: 0, toMinute: DAY_MINUTES };

/** A tariff with hours or days beats one without. */
export function isTimed({ hours, days }: Tariff): boolean {
  return hours !== undefined || days !== undefined;
}

/**
 * Whether a tariff holds at an instant: its dates do, and the clock on the wall in its zone shows one
 * of its hours. An hour that the clock shows twice counts twice, one that it skips not at all. Hours
 * that pass midnight belong to the day on which they begin.
 */
export function tariffHolds(tariff: Tariff, atMs: number): boolean {
  if (atMs < tariff.fromMs || tariff.toMs <= atMs) return false;
  if (!isTimed(tariff)) return true;
  const { hours = ALL_DAY, days } = tariff;
  const local = DateTime.fromMillis(atMs, { zone: tariff.zone });
  return isWithin(hours, days, local.weekday, local.hour * 60 + local.minute);
}

/** @param weekday ISO, of the wall clock that shows `minute` */
export function isWithin(
  { fromMinute, toMinute }: LocalHours,
  days: ReadonlySet<number> | undefined,
  weekday: number,
  minute: number,
): boolean {
  const isOn = (day: number): boolean => days === undefined || days.has(day);
  if (fromMinute < toMinute) return fromMinute <= minute && minute < toMinute && isOn(weekday);
  const dayBefore = weekday === 1 ? 7 : weekday - 1;
  return (minute >= fromMinute && isOn(weekday)) || (minute < toMinute && isOn(dayBefore));
}

/**
 * The tariff that counts at an instant; undefined where none holds.
 * @throws AssayError price/overlap where two hold that both have hours, or that both have none
 */
export function bestTariff<T extends Tariff>(
  tariffs: readonly T[],
  atMs: number,
  what: string,
  name: string,
): T | undefined {
  const holding = tariffs.filter((tariff) => tariffHolds(tariff, atMs));
  const timed = holding.filter(isTimed);
  const [best, second] = timed.length > 0 ? timed : holding;
  if (best && second)
    throw overlap(best, second, { what, name, mend: isTimed(best) ? "hours" : "flat" }, atMs);
  return best;
}

/** Every instant in the window at which one of the tariffs may begin or end. */
export function tariffEdges(tariffs: readonly Tariff[], window: Window): number[] {
  return tariffs.flatMap((tariff) => {
    const inside = intersect(tariff, window);
    const dates = [tariff.fromMs, tariff.toMs];
    return inside && isTimed(tariff) ? [...dates, ...clockEdges(tariff, inside)] : dates;
  });
}

/** The first instant in the window at which two tariffs both hold; undefined where there is none. */
export function firstSharedMs(one: Tariff, other: Tariff, window: Window): number | undefined {
  return [window.fromMs, ...tariffEdges([one, other], window)]
    .filter((atMs) => window.fromMs <= atMs && atMs < window.toMs)
    .sort((a, b) => a - b)
    .find((atMs) => tariffHolds(one, atMs) && tariffHolds(other, atMs));
}

/** When the wall clock of the zone shows an end of the hours, or midnight, or is set. */
function clockEdges({ hours = ALL_DAY, zone }: Tariff, { fromMs, toMs }: Window): number[] {
  const minutes = new Set([0, hours.fromMinute, hours.toMinute % DAY_MINUTES]);
  const out: number[] = [];
  let day = DateTime.fromMillis(fromMs, { zone }).startOf("day").minus({ days: 1 });
  for (; day.toMillis() < toMs + DAY_MS; day = day.plus({ days: 1 })) {
    const { year, month, day: date } = day;
    for (const minute of minutes) {
      const clock = { year, month, day: date, hour: Math.floor(minute / 60), minute: minute % 60 };
      const times = DateTime.fromObject(clock, { zone }).getPossibleOffsets();
      out.push(...times.map((time) => time.toMillis()));
    }
    out.push(...clockSet(zone, day.toMillis(), day.plus({ days: 1 }).toMillis()));
  }
  return out;
}

/** The instant between the two at which the zone's clock is set, if it is: at most one a day. */
function clockSet(zone: string, fromMs: number, toMs: number): number[] {
  const offsetAt = (atMs: number): number => DateTime.fromMillis(atMs, { zone }).offset;
  const before = offsetAt(fromMs);
  if (before === offsetAt(toMs)) return [];
  let [low, high] = [fromMs, toMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return [high];
}
