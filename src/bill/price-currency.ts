import { AssayError } from "../model/errors.ts";
import { NANOS_PER_UNIT, shortDecimal } from "../model/money.ts";
import { formatInstant } from "./instant.ts";
import { unknownCurrency } from "./price-fields.ts";
import type { CurrencyRate, DatedPrice, MoneyPrice, PriceList } from "./price-types.ts";

/**
 * A price in the list's currency. Prices are converted, never costs: price times rate, rounded half up
 * to a billionth. So what a report says in a currency adds up however it is grouped or split.
 * Where only the rate the other way is listed, the price is divided by it.
 * @throws AssayError price/currency where no rate holds at that time
 */
export function inListCurrency(
  list: PriceList,
  nanos: bigint,
  price: { currency: string; line: number },
  atMs: number,
): bigint {
  const { currency: of, line } = price;
  if (of === list.currency) return nanos;
  const rate = rateAt(list, of, atMs);
  if (!rate) throw noRate(list, of, line, atMs);
  return rate.of === of
    ? rounded(nanos * rate.nanos, NANOS_PER_UNIT)
    : rounded(nanos * NANOS_PER_UNIT, rate.nanos);
}

/** `1 EUR = 1.10 USD`: the rate that converts a price; undefined where nothing is converted. */
export function rateWords(
  list: PriceList,
  { currency }: { currency: string },
  atMs: number,
): string | undefined {
  const rate = currency === list.currency ? undefined : rateAt(list, currency, atMs);
  return rate && `1 ${rate.of} = ${shortDecimal(rate.nanos)} ${rate.in}`;
}

/** The rate as it is listed, else the one the other way. */
function rateAt(list: PriceList, of: string, atMs: number): CurrencyRate | undefined {
  const into = list.currency;
  const holding = list.rates.filter((rate) => rate.fromMs <= atMs && atMs < rate.toMs);
  return (
    holding.find((rate) => rate.of === of && rate.in === into) ??
    holding.find((rate) => rate.of === into && rate.in === of)
  );
}

/** Half up; of amounts >= 0. */
export function rounded(amount: bigint, divisor: bigint): bigint {
  return (2n * amount + divisor) / (2n * divisor);
}

/**
 * The list with its reports in another currency.
 * @throws AssayError price/currency where the code is none, or no rate leads there
 */
export function inCurrency(list: PriceList, code: string): PriceList {
  const hint = unknownCurrency(code);
  if (hint !== undefined)
    throw new AssayError("price/currency", `There is no currency "${code.slice(0, 12)}".`, {
      place: "--currency",
      hint,
    });
  const converted = { ...list, currency: code };
  checkRates(converted);
  return converted;
}

/** The instants at which a price in the list's own currency may change because a rate does. */
export function rateChanges(list: PriceList, prices: readonly { currency: string }[]): number[] {
  const foreign = new Set(prices.map((price) => price.currency).filter((c) => c !== list.currency));
  return list.rates
    .filter(({ of, in: into }) => leads(of, into) || leads(into, of))
    .flatMap(({ fromMs, toMs }) => [fromMs, toMs]);

  function leads(of: string, into: string): boolean {
    return foreign.has(of) && into === list.currency;
  }
}

/** Each foreign price needs at least one rate at some time. @throws AssayError price/currency */
export function checkRates(list: PriceList): void {
  const { gpus, commitments, energy, overhead, defaultPrice, currency } = list;
  const dated: (MoneyPrice | (DatedPrice & { currency: string }))[] = [
    ...gpus,
    ...commitments,
    ...energy,
    ...overhead.filter(({ kind }) => kind === "perGpuHour"),
  ];
  const all = defaultPrice
    ? [...dated, { ...defaultPrice, fromMs: -Infinity, toMs: Infinity }]
    : dated;
  for (const price of all) {
    if (price.currency === currency) continue;
    const isPair = ({ of, in: into }: CurrencyRate): boolean =>
      (of === price.currency && into === currency) || (of === currency && into === price.currency);
    if (!list.rates.some(isPair)) throw noRate(list, price.currency, price.line, price.fromMs);
  }
}

function noRate(list: PriceList, of: string, line: number, atMs: number): AssayError {
  const when = Number.isFinite(atMs) ? ` on ${formatInstant(atMs)}` : "";
  const from = Number.isFinite(atMs) ? formatInstant(atMs) : "2026-01-01";
  // What is to be pasted must not run into a rate that begins later.
  const later = list.rates
    .filter((rate) => rate.of === of && rate.in === list.currency && rate.fromMs > atMs)
    .map((rate) => rate.fromMs);
  const to = later.length === 0 ? "" : `, to: ${formatInstant(Math.min(...later))}`;
  return new AssayError(
    "price/currency",
    `No rate of ${of} in ${list.currency} holds${when} for the price of line ${line}.`,
    {
      place: `${list.name}:${line}`,
      hint: `add under rates:\n    - { of: ${of}, in: ${list.currency}, rate: "1.00", from: ${from}${to} } # 1 ${of} in ${list.currency}`,
    },
  );
}
