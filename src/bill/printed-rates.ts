import { shortDecimal } from "../model/money.ts";
import type { AppliedOverhead, AppliedRate } from "./report-types.ts";

/** Words of a price beside its figure: our own, and then a name or figure that comes from the list. */
export interface RateDetail {
  ours: string;
  theirs: string;
}

/**
 * The prices of a report as they are printed. A commitment that was paid in advance costs a billionth
 * more in its first part than later, so that it sums to what was paid: to a reader that is one price,
 * the one of most hours.
 */
export function printedRates(rates: readonly AppliedRate[]): AppliedRate[] {
  const out: AppliedRate[] = [];
  const anyTimed = rates.some(({ tariff }) => tariff !== undefined);
  for (const rate of rates) {
    const twin = out.findIndex((each) => isTwin(each, rate));
    const found = out[twin];
    if (found) out[twin] = joined(found, rate);
    else out.push(rate);
  }
  return out.map((rate) =>
    anyTimed && rate.what === "kWh" ? { ...rate, tariff: rate.tariff ?? "all other hours" } : rate,
  );
}

function isTwin(a: AppliedRate, b: AppliedRate): boolean {
  const isSame =
    a.what === b.what &&
    a.model === b.model &&
    a.commitment === b.commitment &&
    a.listNanos === b.listNanos &&
    a.converted === b.converted;
  if (a.commitment === undefined || !isSame) return false;
  const [less, more] = a.nanos < b.nanos ? [a.nanos, b.nanos] : [b.nanos, a.nanos];
  // A billionth becomes more of them in another currency.
  return more - less <= (a.converted === undefined ? 1n : 1n + less / 1_000_000n);
}

function joined(a: AppliedRate, b: AppliedRate): AppliedRate {
  return {
    ...a,
    nanos: a.gpuMs < b.gpuMs ? b.nanos : a.nanos,
    fromMs: Math.min(a.fromMs, b.fromMs),
    toMs: Math.max(a.toMs, b.toMs),
    gpuMs: a.gpuMs + b.gpuMs,
    energyMj: a.energyMj + b.energyMj,
  };
}

/** Whose price it is, when it holds, what it was converted by. */
export function rateDetails(rate: AppliedRate): RateDetail[] {
  const { commitment, tariff, listNanos } = rate;
  return [
    ...(commitment === undefined ? [] : [{ ours: "commitment ", theirs: commitment }]),
    ...(listNanos === undefined ? [] : [{ ours: "list ", theirs: shortDecimal(listNanos) }]),
    ...(tariff === undefined ? [] : [{ ours: "", theirs: tariff }]),
    ...conversion(rate),
  ];
}

/** What an item of overhead is charged by. */
export function overheadDetails(item: AppliedOverhead): RateDetail[] {
  return [{ ours: "overhead ", theirs: item.name }, ...conversion(item)];
}

function conversion({ converted }: { converted?: string | undefined }): RateDetail[] {
  return converted === undefined ? [] : [{ ours: "converted at ", theirs: converted }];
}
