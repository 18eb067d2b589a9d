import type { Window } from "../model/window.ts";
import { inListCurrency, rateChanges, rateWords } from "./price-currency.ts";
import { overlap } from "./overlap-error.ts";
import { mostSpecific, poolsOf, pricesFor } from "./price-precedence.ts";
import type { GpuPrice, PricedDevice, PriceList } from "./price-types.ts";
import { spansOf } from "./spans.ts";
import { bestTariff, tariffEdges } from "./tariff.ts";
import { tariffWords } from "./tariff-words.ts";

/** A stretch in which one price holds; `nanos` is absent where none does. */
export interface PriceSpan extends Window {
  nanos?: bigint | undefined;
  /** The exchange rate that made it; absent for a price in the list's own currency. */
  converted?: string | undefined;
}

/** A price of energy, with the hours and days that it holds at where it has some. */
export interface EnergySpan extends PriceSpan {
  tariff?: string | undefined;
}

/** What a GPU-hour of one device costs in a stretch, in the list's currency. */
export interface GpuSpan extends PriceSpan {
  /** Without any contract; `nanos` where the list says nothing else. */
  listNanos?: bigint | undefined;
  /** What is invoiced for the hour: `nanos` less what was paid in advance. */
  contractedNanos?: bigint | undefined;
  commitment?: string | undefined;
}

/**
 * What a GPU-hour of a device costs over the window, in order and without gaps: the commitment, else
 * the most specific price that holds; the default fills what is left.
 * @throws AssayError price/overlap where two fit equally well, price/currency where a rate is missing
 */
export function gpuPriceSpans(list: PriceList, device: PricedDevice, window: Window): GpuSpan[] {
  const pools = poolsOf(list, device).map(({ name }) => name);
  const listed = pricesFor(list.gpus, device, pools);
  const committed = pricesFor(list.commitments, device, pools);
  const all = [...committed, ...listed];
  const fallback = list.defaultPrice ? [list.defaultPrice] : [];
  const cuts = [
    ...all.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
    ...rateChanges(list, [...all, ...fallback]),
  ];
  return spansOf(window, cuts, (atMs) => {
    const best = (of: readonly GpuPrice[]) =>
      mostSpecific(of, atMs, `"${device.model}"`, list.name);
    const price = best(listed);
    const plain = price ? convertedPrice(list, price, atMs) : defaultSpan(list, atMs);
    const commitment = best(committed);
    if (!commitment) return plain;
    const contract = convertedPrice(list, commitment, atMs);
    const listNanos = commitment.listNanos ?? undefined;
    return listNanos === undefined && plain.listNanos !== undefined
      ? { ...contract, listNanos: plain.listNanos }
      : contract;
  });
}

type Values = Omit<GpuSpan, keyof Window>;

function convertedPrice(list: PriceList, price: GpuPrice, atMs: number): Values {
  const { commitment } = price;
  const converted = (nanos: bigint): bigint => inListCurrency(list, nanos, price, atMs);
  const contractedNanos = converted(price.nanos);
  const nanos = contractedNanos + converted(commitment?.amortisedNanos ?? 0n);
  const listNanos = price.listNanos === undefined ? nanos : converted(price.listNanos);
  const rate = rateWords(list, price, atMs);
  return { nanos, listNanos, contractedNanos, commitment: commitment?.name, converted: rate };
}

function defaultSpan(list: PriceList, atMs: number): Values {
  const price = list.defaultPrice;
  if (!price) return {};
  const nanos = inListCurrency(list, price.nanos, price, atMs);
  const rate = rateWords(list, price, atMs);
  return { nanos, listNanos: nanos, contractedNanos: nanos, converted: rate };
}

/** What a kWh costs over the window. @throws AssayError price/overlap, price/currency */
export function energyPriceSpans(list: PriceList, window: Window): EnergySpan[] {
  const cuts = [...tariffEdges(list.energy, window), ...rateChanges(list, list.energy)];
  return spansOf(window, cuts, (atMs) => {
    const price = bestTariff(list.energy, atMs, "energy", list.name);
    if (!price) return {};
    return {
      nanos: inListCurrency(list, price.nanos, price, atMs),
      converted: rateWords(list, price, atMs),
      tariff: tariffWords(price),
    };
  });
}

/** Billionths of a gram of CO2 equivalent a kWh over the window. @throws AssayError price/overlap */
export function carbonSpans(list: PriceList, window: Window): PriceSpan[] {
  return spansOf(window, tariffEdges(list.carbon, window), (atMs) => ({
    nanos: bestTariff(list.carbon, atMs, "carbon", list.name)?.nanos,
  }));
}

/** What is charged beside time and energy in a stretch. */
export interface OverheadSpan extends Window {
  gpuHourNanos: bigint;
  /** Facility energy over device energy, in billionths; absent where the list says nothing of it. */
  pueNanos?: bigint | undefined;
  /** Which items hold, by their lines: others are another span, though they sum to the same. */
  lines: string;
}

/** @throws AssayError price/overlap where two PUEs hold, price/currency */
export function overheadSpans(list: PriceList, window: Window): OverheadSpan[] {
  const { overhead } = list;
  const cuts = [
    ...overhead.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
    ...rateChanges(list, overhead),
  ];
  return spansOf(window, cuts, (atMs) => {
    const holding = overhead.filter((each) => each.fromMs <= atMs && atMs < each.toMs);
    const [pue, second] = holding.filter(({ kind }) => kind === "pue");
    if (pue && second)
      throw overlap(pue, second, { what: "the PUE", name: list.name, mend: "dates" }, atMs);
    const amounts = holding
      .filter(({ kind }) => kind === "perGpuHour")
      .map((each) => inListCurrency(list, each.nanos, each, atMs));
    return {
      gpuHourNanos: amounts.reduce((acc, each) => acc + each, 0n),
      pueNanos: pue?.nanos,
      lines: holding.map(({ line }) => line).join(),
    };
  });
}

/** The price at an instant, out of spans that hold it. */
export function priceAt(of: readonly PriceSpan[], atMs: number): bigint | undefined {
  return of.find((span) => span.fromMs <= atMs && atMs < span.toMs)?.nanos;
}
