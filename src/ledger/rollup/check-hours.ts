import type { Database } from "better-sqlite3";
import { z } from "zod";
import { AMOUNTS, noAmounts } from "../../model/amounts.ts";
import { amountsWithin } from "../../model/cut.ts";
import { HOUR_MS, hourlyParts } from "../../model/hour.ts";
import { type Window, intersect } from "../../model/window.ts";
import { boundsOf } from "../slice-bounds.ts";
import type { RollupMismatch } from "./check.ts";
import { type CountedSlice, countedSlice } from "./counted-slice.ts";
import { windowsOf } from "./edges.ts";
import { COUNTED, COUNTED_FROM, HOUR_COLUMNS, SUMS, hourOf } from "./slice-sql.ts";
import { type Sum, sumRow } from "./sums.ts";

const DAY_MS = 24 * HOUR_MS;

const [FIRST_HOUR, LAST_HOUR] = [hourOf("s.from_ms"), hourOf("s.to_ms - 1")];

/** Sums of the windows that lie in one hour each, in the order of the slices' pages. */
const IN_ONE = `
  SELECT ${FIRST_HOUR} AS hour, s.gpu_id AS gpuId, coalesce(c.owner_id, s.owner_id) AS ownerId,
    coalesce(c.label_id, s.label_id) AS labelId, s.simulated, ${SUMS}
  FROM ${COUNTED_FROM}
  WHERE s.sequence BETWEEN @first AND @last AND +s.from_ms >= @fromMs AND s.to_ms <= @toMs
    AND ${FIRST_HOUR} = ${LAST_HOUR}
  GROUP BY 1, 2, 3, 4, 5`;

const ACROSS = `
  SELECT ${COUNTED}, g.uuid AS gpuUuid FROM ${COUNTED_FROM} JOIN gpus g ON g.id = s.gpu_id
  WHERE s.sequence BETWEEN @first AND @last AND +s.from_ms < @toMs AND s.to_ms > @fromMs
    AND ${FIRST_HOUR} != ${LAST_HOUR}
  ORDER BY s.sequence`;

const STORED = `SELECT hour, ${HOUR_COLUMNS} FROM hours WHERE hour >= @fromHour AND hour < @toHour`;

/** Days that slices or sums speak of; coverage was held against the slices before. */
const STRETCHES = `
  SELECT from_ms AS fromMs, to_ms AS toMs FROM coverage
  UNION SELECT hour * ${HOUR_MS}, hour * ${HOUR_MS} + 1 FROM hours`;

const hourRow = z.intersection(z.object({ hour: z.int() }), sumRow);
type HourRow = Sum & { hour: number };

/** Makes the sums of hours again in SQL, a day at a time: another way than they are kept. */
export function hourMismatch(db: Database, prunedMs: number): RollupMismatch | undefined {
  const days = new Set<number>();
  for (const { fromMs, toMs } of stretches.parse(db.prepare(STRETCHES).all()))
    for (let day = dayAt(Math.max(fromMs, prunedMs)); day * DAY_MS < toMs; day++) days.add(day);
  const check = { made: dayMaker(db), stored: db.prepare(STORED) };
  for (const day of [...days].sort((a, b) => a - b)) {
    const hours = { fromHour: day * 24, toHour: day * 24 + 24 };
    const stored = new Map<string, string>();
    for (const row of z.array(hourRow).parse(check.stored.all(hours)))
      stored.set(keyOf(row), textOf(row));
    const made = check.made({ fromMs: day * DAY_MS, toMs: (day + 1) * DAY_MS });
    for (const key of new Set([...stored.keys(), ...made.keys()])) {
      if ((Number(key.split(" ")[0]) + 1) * HOUR_MS <= prunedMs) continue;
      if (stored.get(key) !== made.get(key)) return { table: "hours", what: differs(key) };
    }
  }
  return undefined;
}

const stretches = z.array(z.object({ fromMs: z.int(), toMs: z.int() }));

const dayAt = (atMs: number): number => Math.floor(atMs / DAY_MS);

const keyOf = ({ hour, gpuId, ownerId, labelId, simulated }: HourRow): string =>
  `${hour} ${gpuId} ${ownerId} ${labelId} ${simulated}`;

const textOf = (row: HourRow): string => AMOUNTS.map((amount) => row[amount]).join(" ");

function differs(key: string): string {
  const [hour = "", gpuId, ownerId, labelId] = key.split(" ");
  const at = new Date(Number(hour) * HOUR_MS).toISOString();
  return `hour ${at} of device ${gpuId}, owner ${ownerId}, label ${labelId} differs`;
}

function dayMaker(db: Database): (day: Window) => Map<string, string> {
  const [inOne, across] = [db.prepare(IN_ONE), db.prepare(ACROSS)];
  return (day) => {
    const bounds = boundsOf(db, day);
    if (!bounds) return new Map();
    const at = { ...day, ...bounds };
    const rows = new Map(
      z
        .array(hourRow)
        .parse(inOne.all(at))
        .map((row) => [keyOf(row), row]),
    );
    for (const part of cutAtHours(z.array(countedSlice).parse(across.all(at)), day)) {
      const row = rows.get(keyOf(part));
      if (row) for (const amount of AMOUNTS) row[amount] += part[amount];
      else rows.set(keyOf(part), part);
    }
    return new Map([...rows].map(([key, row]) => [key, textOf(row)]));
  };
}

/** The parts of windows that an hour cuts; those that say nothing are no rows. */
function* cutAtHours(slices: readonly CountedSlice[], day: Window): Generator<HourRow> {
  for (const window of windowsOf(slices)) {
    const [first] = window;
    const own = intersect(first, day);
    if (!own) continue;
    for (const { hour, ...part } of hourlyParts(own)) {
      const amounts = amountsWithin(first, window, part);
      for (const [i, { gpuId, ownerId, labelId, simulated }] of window.entries()) {
        const row = { hour, gpuId, ownerId, labelId, simulated, ...(amounts[i] ?? noAmounts()) };
        if (AMOUNTS.some((amount) => row[amount] !== 0)) yield row;
      }
    }
  }
}
