import type { Window } from "../model/window.ts";
import { groupedBy } from "./group.ts";
import { inListCurrency, rateWords } from "./price-currency.ts";
import type { Overhead, PriceList } from "./price-types.ts";
import type { PricedPiece } from "./priced.ts";
import type { UnitPrices } from "./rates.ts";
import type { AppliedOverhead, AppliedRate } from "./report-types.ts";
import { sumOf } from "./sum.ts";

/** Which prices were used, when, and for how much. */
export function appliedRates(pieces: readonly PricedPiece[]): AppliedRate[] {
  const alike = ofOnePrice(pieces);
  const forTime = alike.map((piece) => rateOf("gpu-hour", piece));
  const forEnergy = ofOnePrice(pieces.filter((piece) => piece.energyMj > 0)).map((piece) =>
    rateOf("kWh", piece),
  );
  const rates = [...forTime, ...forEnergy].flatMap((rate) => rate ?? []);
  const keyOf = ({ what, model, nanos, listNanos, commitment, tariff, converted }: AppliedRate) =>
    JSON.stringify([what, model, String(nanos), String(listNanos), commitment, tariff, converted]);
  return together(rates, keyOf);
}

type Priced = Pick<PricedPiece, "fromMs" | "toMs" | "timeMs" | "energyMj" | "prices" | "gpu">;

/** Pieces of one device and interval have one object of prices: they are summed before all else. */
function ofOnePrice(pieces: readonly PricedPiece[]): Priced[] {
  const sums = new Map<UnitPrices, Priced>();
  for (const { prices, gpu, fromMs, toMs, timeMs, energyMj } of pieces) {
    if (!prices) continue;
    const sum = sums.get(prices);
    if (!sum) sums.set(prices, { prices, gpu, fromMs, toMs, timeMs, energyMj });
    else {
      sum.timeMs += timeMs;
      sum.energyMj += energyMj;
      sum.toMs = Math.max(sum.toMs, toMs);
    }
  }
  return [...sums.values()];
}

/** Which items of overhead were charged, when, and for how much. */
export function appliedOverhead(
  list: PriceList,
  pieces: readonly PricedPiece[],
): AppliedOverhead[] | undefined {
  if (list.overhead.length === 0) return undefined;
  const all = list.overhead.flatMap((item) =>
    together(
      pieces
        .filter(({ fromMs }) => item.fromMs <= fromMs && fromMs < item.toMs)
        .map((piece) => overheadOf(list, item, piece)),
      ({ gpuHourNanos, converted }) => `${gpuHourNanos} ${converted}`,
    ),
  );
  return all.length > 0 ? all : undefined;
}

function overheadOf(list: PriceList, item: Overhead, piece: PricedPiece): AppliedOverhead {
  const { name, kind, nanos } = item;
  const { fromMs, toMs, timeMs: gpuMs, energyMj } = piece;
  const used = { fromMs, toMs, gpuMs, energyMj };
  if (kind === "pue") return { name, pueNanos: nanos, ...used };
  return {
    name,
    gpuHourNanos: inListCurrency(list, nanos, item, fromMs),
    converted: rateWords(list, item, fromMs),
    ...used,
  };
}

/** Uses of one price as one, from the first to the last. */
function together<U extends Window & { gpuMs: number; energyMj: number }>(
  uses: readonly U[],
  keyOf: (use: U) => string,
): U[] {
  return [...groupedBy(uses, keyOf).values()].flatMap((all) => {
    const [first] = all;
    if (!first) return [];
    return {
      ...first,
      fromMs: all.reduce((min, use) => Math.min(min, use.fromMs), Infinity),
      toMs: all.reduce((max, use) => Math.max(max, use.toMs), -Infinity),
      gpuMs: sumOf(all, (use) => use.gpuMs),
      energyMj: sumOf(all, (use) => use.energyMj),
    };
  });
}

function rateOf(what: AppliedRate["what"], piece: Priced): AppliedRate | undefined {
  const { fromMs, toMs, timeMs: gpuMs, energyMj, prices } = piece;
  const nanos = what === "gpu-hour" ? prices?.nanos : prices?.kwhNanos;
  if (nanos === undefined || !prices) return undefined;
  const used = { nanos, fromMs, toMs, gpuMs, energyMj };
  if (what === "kWh")
    return { what, tariff: prices.kwhTariff, converted: prices.kwhConverted, ...used };
  const { listNanos, commitment, converted } = prices;
  const isListed = listNanos === nanos;
  return {
    what,
    model: piece.gpu.model,
    commitment,
    converted,
    listNanos: isListed ? undefined : listNanos,
    ...used,
  };
}
