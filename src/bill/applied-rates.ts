import { groupedBy } from "./group.ts";
import type { PricedPiece } from "./priced.ts";
import type { AppliedRate } from "./report-types.ts";
import { sumOf } from "./sum.ts";

/** Which prices were used, when, and for how much. */
export function appliedRates(pieces: readonly PricedPiece[]): AppliedRate[] {
  const forTime = pieces.map((piece) => rateOf("gpu-hour", piece));
  const forEnergy = pieces
    .filter((piece) => piece.energyMj > 0)
    .map((piece) => rateOf("kWh", piece));
  const rates = [...forTime, ...forEnergy].flatMap((rate) => rate ?? []);
  const groups = groupedBy(rates, ({ what, model, nanos, listNanos, commitment }) =>
    JSON.stringify([what, model, String(nanos), String(listNanos), commitment]),
  );
  return [...groups.values()].flatMap(([first, ...rest]) => {
    if (!first) return [];
    const all = [first, ...rest];
    return {
      ...first,
      fromMs: all.reduce((min, rate) => Math.min(min, rate.fromMs), Infinity),
      toMs: all.reduce((max, rate) => Math.max(max, rate.toMs), -Infinity),
      gpuMs: sumOf(all, (rate) => rate.gpuMs),
      energyMj: sumOf(all, (rate) => rate.energyMj),
    };
  });
}

function rateOf(what: AppliedRate["what"], piece: PricedPiece): AppliedRate | undefined {
  const { fromMs, toMs, timeMs: gpuMs, energyMj, prices } = piece;
  const nanos = what === "gpu-hour" ? prices?.nanos : prices?.kwhNanos;
  if (nanos === undefined || !prices) return undefined;
  const used = { nanos, fromMs, toMs, gpuMs, energyMj };
  if (what === "kWh") return { what, ...used };
  const { listNanos, commitment } = prices;
  const isListed = listNanos === nanos;
  return {
    what,
    model: piece.gpu.model,
    commitment,
    listNanos: isListed ? undefined : listNanos,
    ...used,
  };
}
