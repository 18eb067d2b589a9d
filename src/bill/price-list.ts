import type { PriceList } from "./price-types.ts";
import { checkOverlaps } from "./price-overlap.ts";
import { type RawPrices, readPriceYaml } from "./price-yaml.ts";

/**
 * Reads a price list from its YAML text.
 * @param name what the text is called in messages, such as its path
 * @throws AssayError price/invalid or price/overlap, with the line
 */
export function parsePriceList(text: string, name: string): PriceList {
  const { data, lineOf } = readPriceYaml(text, name);
  const list = { ...toPriceList(data, name, lineOf), text };
  checkOverlaps(list);
  return list;
}

function toPriceList(
  raw: RawPrices,
  name: string,
  lineOf: (path: readonly PropertyKey[]) => number,
): PriceList {
  return {
    name,
    currency: raw.currency,
    gpus: raw.gpus.map(({ model, perGpuHour, from, to }, i) => ({
      pattern: model,
      nanos: perGpuHour,
      fromMs: from,
      toMs: to ?? Infinity,
      line: lineOf(["gpus", i]),
    })),
    energy: raw.energy.map(({ perKwh, from, to }, i) => ({
      nanos: perKwh,
      fromMs: from,
      toMs: to ?? Infinity,
      line: lineOf(["energy", i]),
    })),
    defaultPrice: raw.default && { nanos: raw.default.perGpuHour, line: lineOf(["default"]) },
  };
}
