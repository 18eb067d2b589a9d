import { AssayError } from "../model/errors.ts";
import { type Window, intersect } from "../model/window.ts";
import { formatInstant } from "./instant.ts";
import { rounded } from "./price-currency.ts";
import {
  carbonSpans,
  energyPriceSpans,
  type EnergySpan,
  type GpuSpan,
  gpuPriceSpans,
  type OverheadSpan,
  overheadSpans,
  type PriceSpan,
} from "./price-lookup.ts";
import type { PricedDevice, PriceList } from "./price-types.ts";
import { spanAt } from "./spans.ts";
import type { BilledGpu } from "./usage.ts";

/** The prices that hold in a window, of each device and of energy, in the list's currency. */
export interface Rates {
  byGpu: ReadonlyMap<string, readonly GpuSpan[]>;
  energy: readonly EnergySpan[];
  carbon: readonly PriceSpan[];
  overhead: readonly OverheadSpan[];
}

/** What one unit of a device's time and energy costs at an instant, in billionths. */
export interface UnitPrices extends Omit<GpuSpan, keyof Window> {
  kwhNanos?: bigint | undefined;
  /** The hours and days of the price of a kWh, and the exchange rate that made it. */
  kwhTariff?: string | undefined;
  kwhConverted?: string | undefined;
  overheadGpuHourNanos: bigint;
  /** What the facility adds to the price of a kWh. */
  overheadKwhNanos: bigint;
  /** Billionths of a gram of CO2 equivalent, the facility's part included. */
  gramNanosPerKwh?: bigint | undefined;
}

/**
 * The prices of every device of the window.
 * @throws AssayError price/overlap, price/currency
 */
export function ratesOf(list: PriceList, gpus: readonly PricedDevice[], window: Window): Rates {
  return {
    byGpu: new Map(gpus.map((gpu) => [gpu.uuid, gpuPriceSpans(list, gpu, window)])),
    energy: energyPriceSpans(list, window),
    carbon: carbonSpans(list, window),
    overhead: overheadSpans(list, window),
  };
}

/**
 * The prices of a report's window. Before the first device was known there is nothing to price.
 * @throws AssayError price/missing where a device has none for some of its time, price/overlap,
 *   price/currency, price/invalid where a commitment pays for fewer devices than it fits
 */
export function ratesFor(list: PriceList, gpus: readonly BilledGpu[], window: Window): Rates {
  const knownMs = Math.min(window.toMs, ...gpus.map(({ fromMs }) => fromMs));
  const priced = intersect(window, { fromMs: knownMs, toMs: window.toMs }) ?? window;
  const devices = gpus.map(({ gpu }) => gpu);
  const rates = ratesOf(list, devices, priced);
  for (const billed of gpus) {
    const gap = rates.byGpu
      .get(billed.gpu.uuid)
      ?.find((span) => span.nanos === undefined && span.toMs > billed.fromMs);
    if (gap) throw missing(list, billed, { ...gap, fromMs: Math.max(gap.fromMs, billed.fromMs) });
  }
  checkCommitments(list, rates);
  return rates;
}

/** Every instant in the window at which a price changes, in no order. */
export function rateBounds({ byGpu, energy, carbon, overhead }: Rates): number[] {
  const spans: Window[] = [...[...byGpu.values()].flat(), ...energy, ...carbon, ...overhead];
  return spans.map((span) => span.fromMs);
}

/** The prices of a device at an instant inside the window. */
export function unitPricesAt(rates: Rates, uuid: string, atMs: number): UnitPrices {
  const { fromMs: _, toMs: __, ...gpu } = spanAt(rates.byGpu.get(uuid) ?? [], atMs) ?? NO_SPAN;
  const overhead = spanAt(rates.overhead, atMs);
  const energy = spanAt(rates.energy, atMs);
  const kwhNanos = energy?.nanos;
  const grams = spanAt(rates.carbon, atMs)?.nanos;
  const pue = overhead?.pueNanos ?? ONE;
  return {
    ...gpu,
    kwhNanos,
    kwhTariff: energy?.tariff,
    kwhConverted: energy?.converted,
    overheadGpuHourNanos: overhead?.gpuHourNanos ?? 0n,
    overheadKwhNanos: rounded((kwhNanos ?? 0n) * (pue - ONE), ONE),
    gramNanosPerKwh: grams === undefined ? undefined : rounded(grams * pue, ONE),
  };
}

const ONE = 1_000_000_000n;
const NO_SPAN: GpuSpan = { fromMs: 0, toMs: 0 };

function checkCommitments({ commitments, name }: PriceList, { byGpu }: Rates): void {
  for (const { commitment, line } of commitments) {
    if (commitment?.devices === undefined) continue;
    const fits = [...byGpu.values()].filter((spans) =>
      spans.some((span) => span.commitment === commitment.name),
    );
    if (fits.length > commitment.devices)
      throw new AssayError(
        "price/invalid",
        `The commitment paid in advance for ${commitment.devices} devices, and fits ${fits.length}.`,
        {
          place: `${name}:${line}`,
          hint: "narrow it to its devices, with `gpu`, `node` or `pool`",
        },
      );
  }
}

function missing(list: PriceList, { gpu }: BilledGpu, gap: Window): AssayError {
  const [from, to] = [formatInstant(gap.fromMs), formatInstant(gap.toMs)];
  return new AssayError(
    "price/missing",
    `No price for "${gpu.model}" on node ${gpu.node} from ${from} to ${to}.`,
    {
      place: list.name,
      hint: `add under gpus:\n    - model: ${JSON.stringify(gpu.model)}\n      perGpuHour: "0.00" # your price in ${list.currency}\n      from: ${from}`,
    },
  );
}
