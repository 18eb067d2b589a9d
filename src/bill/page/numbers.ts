import { NANOS_PER_UNIT, formatDecimal } from "../../model/money.ts";
import { splitExactly } from "../../model/split.ts";
import type { Amounts } from "../report-types.ts";

/** A column as printed: what is printed in its cells sums to what is printed as its total. */
export interface Column {
  cells: readonly string[];
  total: string;
}

/** How the page writes each kind of amount: the same decimals everywhere. */
export interface Figures {
  hours: (ms: readonly number[]) => Column;
  energy: (mj: readonly number[]) => Column;
  money: (nanos: readonly bigint[]) => Column;
  currency: string | undefined;
}

const MS_PER_HOUR = 3_600_000n;
const MJ_PER_KWH = 3_600_000_000n;

/** Decimals that suit the totals. */
export function figuresFor(totals: Amounts, currency: string | undefined): Figures {
  const hours = BigInt(totals.gpuMs) / MS_PER_HOUR;
  const kwh = BigInt(totals.energyMj) / MJ_PER_KWH;
  const units = (totals.cost?.totalNanos ?? 0n) / NANOS_PER_UNIT;
  const hourPlaces = hours >= 10n ? 2 : 3;
  const kwhPlaces = kwh >= 10n ? 2 : 3;
  const moneyPlaces = units >= 10n ? 2 : 4;
  return {
    currency,
    hours: (ms) => column(ms.map(BigInt), MS_PER_HOUR, hourPlaces),
    energy: (mj) => column(mj.map(BigInt), MJ_PER_KWH, kwhPlaces),
    money: (nanos) => column(nanos, NANOS_PER_UNIT, moneyPlaces),
  };
}

/** Rounds to `places` together, largest remainders first. */
function column(amounts: readonly bigint[], perUnit: bigint, places: number): Column {
  const scale = 10n ** BigInt(places);
  const sum = amounts.reduce((acc, amount) => acc + amount, 0n);
  const total = roundedHalfUp(sum * scale, perUnit);
  const claims = amounts.map((weight, i) => ({ key: String(i).padStart(6, "0"), weight }));
  const parts = sum === 0n ? amounts.map(() => 0n) : splitExactly(total, claims);
  const print = (amount: bigint): string => grouped(formatDecimal(amount, places));
  return { cells: parts.map(print), total: print(total) };
}

function roundedHalfUp(amount: bigint, by: bigint): bigint {
  return (2n * amount + by) / (2n * by);
}

/** `1234567.89` as `1,234,567.89`. */
export function grouped(decimal: string): string {
  return decimal.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
}

/** A part of a whole in percent; never 0 % or 100 % unless it is. */
export function percent(part: number | bigint, whole: number | bigint): string {
  const ratio = ratioOf(part, whole);
  if (ratio === undefined) return "–";
  if (ratio > 0.999 && ratio < 1) return "> 99.9 %";
  if (ratio > 0 && ratio < 0.001) return "< 0.1 %";
  return `${(ratio * 100).toFixed(1)} %`;
}

function ratioOf(part: number | bigint, whole: number | bigint): number | undefined {
  if (typeof part === "bigint" && typeof whole === "bigint")
    return whole === 0n ? undefined : Number((part * 1_000_000_000n) / whole) / 1e9;
  return Number(whole) === 0 ? undefined : Number(part) / Number(whole);
}

const MONTHS =
  "January February March April May June July August September October November December";
const DAYS = "Sun Mon Tue Wed Thu Fri Sat";

/** `2 March 2026`, in UTC. */
export function dayText(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getUTCDate()} ${MONTHS.split(" ")[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** `Mon 2 Mar`, in UTC. */
export function shortDay(atMs: number): string {
  const at = new Date(atMs);
  const month = MONTHS.split(" ")[at.getUTCMonth()] ?? "";
  return `${DAYS.split(" ")[at.getUTCDay()]} ${at.getUTCDate()} ${month.slice(0, 3)}`;
}

/** `14:30`, with seconds only where there are some; in UTC. */
export function clockText(atMs: number): string {
  const [, clock = "", rest = ""] =
    /T(\d\d:\d\d):(\d\d(?:\.\d+)?)Z/.exec(new Date(atMs).toISOString()) ?? [];
  const seconds = rest.replace(/\.000$/, "");
  return seconds === "00" ? clock : `${clock}:${seconds}`;
}

/** `2 March 2026, 14:30 UTC`. */
export function instantText(atMs: number): string {
  return `${dayText(atMs)}, ${clockText(atMs)} UTC`;
}
