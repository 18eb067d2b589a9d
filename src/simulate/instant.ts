const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?Z$/;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_MS = 86_400_000;

/** Unix milliseconds of `2026-01-05T09:00:00Z`; undefined where it names no moment since 1970. */
export function instantMs(text: string): number | undefined {
  const parts = FORM.exec(text)?.slice(1);
  if (!parts) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const leap = isLeap(year) && month === 2 ? 1 : 0;
  if (year < 1970 || month < 1 || month > 12 || day < 1) return undefined;
  if (day > (MONTH_DAYS[month - 1] ?? 0) + leap) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const clock = ((hour * 60 + minute) * 60 + second) * 1000;
  return daysTo(year, month, day) * DAY_MS + clock + Number((parts[6] ?? "0").padEnd(3, "0"));
}

function daysTo(year: number, month: number, day: number): number {
  const before = year - 1;
  const leaps = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const toYear = (year - 1970) * 365 + leaps - 477;
  const months = MONTH_DAYS.slice(0, month - 1).reduce((sum, days) => sum + days, 0);
  return toYear + months + (isLeap(year) && month > 2 ? 1 : 0) + day - 1;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
