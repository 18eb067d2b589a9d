import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import { amortised } from "./price-commitment.ts";
import { checkRates } from "./price-currency.ts";
import { checkOverlaps } from "./price-overlap.ts";
import type { RawPrices } from "./price-schema.ts";
import type { GpuPrice, PriceList, PriceScope, Tariff } from "./price-types.ts";
import { readPriceYaml } from "./price-yaml.ts";

type LineOf = (path: readonly PropertyKey[]) => number;

/**
 * Reads a price list from its YAML text.
 * @param name what the text is called in messages, such as its path
 * @throws AssayError price/invalid, price/overlap or price/currency, with the line
 */
export function parsePriceList(text: string, name: string): PriceList {
  const { data, lineOf } = readPriceYaml(text, name);
  const list = toPriceList(data, name, lineOf);
  checkPools(list);
  checkOverlaps(list);
  checkRates(list);
  return list;
}

function toPriceList(raw: RawPrices, name: string, lineOf: LineOf): PriceList {
  const base = raw.currency;
  const dates = (from: number, to: number | undefined) => ({ fromMs: from, toMs: to ?? Infinity });
  return {
    name,
    currency: base,
    pools: raw.pools.map((pool, i) => ({ ...pool, line: lineOf(["pools", i]) })),
    gpus: raw.gpus.map((price, i) => ({
      pattern: price.model,
      scope: scopeOf(price),
      nanos: price.perGpuHour,
      listNanos: price.listPerGpuHour,
      currency: price.currency ?? base,
      ...dates(price.from, price.to),
      line: lineOf(["gpus", i]),
    })),
    commitments: commitmentsOf(raw, lineOf),
    energy: raw.energy.map((price, i) => ({
      ...tariffOf(price),
      nanos: price.perKwh,
      currency: price.currency ?? base,
      line: lineOf(["energy", i]),
    })),
    carbon: raw.carbon.map((factor, i) => ({
      ...tariffOf(factor),
      nanos: factor.gramsPerKwh,
      line: lineOf(["carbon", i]),
    })),
    rates: raw.rates.map(({ of, in: into, rate, from, to }, i) => ({
      of,
      in: into,
      nanos: rate,
      ...dates(from, to),
      line: lineOf(["rates", i]),
    })),
    overhead: raw.overhead.map((each, i) => ({
      name: each.name,
      kind: each.pue === undefined ? "perGpuHour" : "pue",
      nanos: each.pue ?? each.perGpuHour ?? 0n,
      currency: each.currency ?? base,
      ...dates(each.from, each.to),
      line: lineOf(["overhead", i]),
    })),
    allocation: raw.allocation,
    defaultPrice: raw.default && {
      nanos: raw.default.perGpuHour,
      currency: raw.default.currency ?? base,
      line: lineOf(["default"]),
    },
  };
}

function commitmentsOf(raw: RawPrices, lineOf: LineOf): GpuPrice[] {
  return raw.commitments.flatMap((price, i) =>
    amortised(
      {
        pattern: price.model ?? "*",
        scope: scopeOf(price),
        nanos: price.perGpuHour ?? 0n,
        listNanos: price.listPerGpuHour,
        currency: price.currency ?? raw.currency,
        fromMs: price.from,
        toMs: price.to ?? Infinity,
        line: lineOf(["commitments", i]),
      },
      price,
    ),
  );
}

function scopeOf(of: {
  gpu?: string | undefined;
  node?: string | undefined;
  pool?: string | undefined;
}): PriceScope | undefined {
  if (of.gpu !== undefined) return { kind: "gpu", pattern: of.gpu };
  if (of.node !== undefined) return { kind: "node", pattern: of.node };
  return of.pool === undefined ? undefined : { kind: "pool", pattern: of.pool };
}

type RawTariff = RawPrices["carbon"][number] | RawPrices["energy"][number];

function tariffOf({ from, to, hours, days, timeZone }: RawTariff): Omit<Tariff, "nanos" | "line"> {
  return { fromMs: from, toMs: to ?? Infinity, hours, days, zone: timeZone ?? "UTC" };
}

/** A price may name only a pool that is there, and a pool's name is one pool's. */
function checkPools({ pools, gpus, commitments, name }: PriceList): void {
  const known = new Set<string>();
  for (const pool of pools) {
    if (known.has(pool.name)) throw badPool(`Two pools are called`, pool.name, name, pool.line);
    known.add(pool.name);
  }
  for (const { scope, line } of [...gpus, ...commitments])
    if (scope?.kind === "pool" && !known.has(scope.pattern))
      throw badPool(
        "There is no pool",
        scope.pattern,
        name,
        line,
        `known: ${[...known].join(", ") || "none; list it under pools"}`,
      );
}

function badPool(
  what: string,
  pool: string,
  name: string,
  line: number,
  hint?: string,
): AssayError {
  return new AssayError("price/invalid", `${what} "${sanitize(pool, 40)}".`, {
    place: `${name}:${line}`,
    hint: hint && sanitize(hint, 300),
  });
}
