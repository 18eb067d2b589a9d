import { describe, expect, it } from "vitest";
import { inCurrency } from "../../src/bill/price-currency.ts";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { energyPriceSpans, gpuPriceSpans } from "../../src/bill/price-lookup.ts";
import { buildReport } from "../../src/bill/report.ts";
import { AssayError } from "../../src/model/errors.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { H100, gpu, slice } from "../support/slices.ts";

const at = (time: string): number => Date.parse(time);
const YEAR = { fromMs: at("2026-01-01T00:00Z"), toMs: at("2027-01-01T00:00Z") };
const device = { model: H100, node: "n", uuid: "G" };
const parse = (text: string) => parsePriceList(text, "prices.yaml");

function errorOf(run: () => unknown): AssayError {
  try {
    run();
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const LIST = `currency: USD
gpus:
  - { model: "*", perGpuHour: "2.00", currency: EUR, from: 2026-01-01 }
energy:
  - { perKwh: "0.123456789", from: 2026-01-01 }
`;
const RATES = `rates:
  - { of: EUR, in: USD, rate: "1.10", from: 2026-01-01, to: 2026-07-01 }
  - { of: EUR, in: USD, rate: "1.123456789", from: 2026-07-01 }
`;

describe("a price in another currency", () => {
  it("is converted by the rate of its time, which cuts the window", () => {
    const spans = gpuPriceSpans(parse(LIST + RATES), device, YEAR);
    expect(spans.map(({ fromMs, nanos }) => [fromMs, nanos])).toEqual([
      [YEAR.fromMs, 2_200_000_000n],
      [at("2026-07-01T00:00Z"), 2_246_913_578n],
    ]);
  });

  it("is rounded half up to a billionth, once", () => {
    const rate = (of: string) =>
      `${LIST.replace('"2.00"', '"0.000000001"')}rates:\n  - { of: EUR, in: USD, rate: ${of}, from: 2026-01-01 }\n`;
    const nanosAt = (of: string) => gpuPriceSpans(parse(rate(of)), device, YEAR)[0]?.nanos;
    expect([
      nanosAt("0.499999999"),
      nanosAt("0.5"),
      nanosAt("1.5"),
      nanosAt("2.499999999"),
    ]).toEqual([0n, 1n, 2n, 2n]);
  });

  it("is divided where only the rate the other way is listed; its own rate comes first", () => {
    const reverse = '  - { of: USD, in: EUR, rate: "0.80", from: 2026-01-01 }\n';
    const nanosOf = (rates: string) => gpuPriceSpans(parse(LIST + rates), device, YEAR)[0]?.nanos;
    expect(nanosOf(`rates:\n${reverse}`)).toBe(2_500_000_000n);
    expect(nanosOf(RATES + reverse)).toBe(2_200_000_000n);
  });

  it("without any rate is refused when read, with its line and what to add", () => {
    const error = errorOf(() => parse(LIST));
    expect([error.code, error.place]).toEqual(["price/currency", "prices.yaml:3"]);
    expect(error.hint).toContain("{ of: EUR, in: USD, rate:");
  });

  it("without a rate for some of the window is refused when used, and not before", () => {
    const late = `${LIST}rates:\n  - { of: EUR, in: USD, rate: 1.1, from: 2026-02-01 }\n`;
    const list = parse(late);
    const february = { fromMs: at("2026-02-01T00:00Z"), toMs: YEAR.toMs };
    expect(gpuPriceSpans(list, device, february)).toHaveLength(1);
    const error = errorOf(() => gpuPriceSpans(list, device, YEAR));
    expect([error.code, error.place]).toEqual(["price/currency", "prices.yaml:3"]);
    expect(error.message).toContain("2026-01-01T00:00:00Z");
  });
});

describe("a currency code", () => {
  it.each([
    ["of the list", LIST.replace("USD", "USX"), 1],
    ["of a price", LIST.replace("EUR", "EUX"), 3],
    ["of a rate", LIST + RATES.replace("of: EUR", "of: EUX"), 7],
  ])("%s that is none is refused, with its line and the nearest", (_what, text, line) => {
    const error = errorOf(() => parse(text));
    expect([error.code, error.place]).toEqual(["price/currency", `prices.yaml:${line}`]);
    expect(error.hint).toContain("did you mean");
  });

  it.each(["rate: 0", "rate: -1", 'rate: "1.0000000001"', "rate: 1, till: 2026-02-01"])(
    "has no rate with %s",
    (fields) => {
      const error = errorOf(() =>
        parse(`${LIST}rates:\n  - { of: EUR, in: USD, ${fields}, from: 2026-01-01 }\n`),
      );
      expect([error.code, error.place]).toEqual(["price/invalid", "prices.yaml:7"]);
    },
  );

  it("has no rate in itself, and no two at one time", () => {
    const self = errorOf(() => parse(LIST + RATES.replace("in: USD", "in: EUR")));
    expect(self.code).toBe("price/invalid");
    const two = errorOf(() => parse(LIST + RATES.replace(", to: 2026-07-01", "")));
    expect([two.code, two.place]).toEqual(["price/overlap", "prices.yaml:8"]);
  });
});

describe("a report in another currency", () => {
  const ledger = new MemoryLedger({
    gpus: [gpu("G", { firstSeenMs: YEAR.fromMs })],
    slices: [
      slice("G", YEAR.fromMs, YEAR.fromMs + 3_600_000, "user:a", "other", { energyMj: 3.6e9 }),
    ],
  });
  const reportIn = (code: string) =>
    buildReport({
      ledger,
      prices: inCurrency(parse(LIST + RATES), code),
      window: { fromMs: YEAR.fromMs, toMs: YEAR.fromMs + 3_600_000 },
      groupBy: ["owner"],
      nowMs: YEAR.toMs,
    });

  it("converts what is not in it, and leaves what is", async () => {
    const euro = await reportIn("EUR");
    expect([euro.currency, euro.totals.cost]).toMatchObject([
      "EUR",
      // 0.123456789 / 1.10 is 0.11223344454…
      { timeNanos: 2_000_000_000n, energyNanos: 112_233_445n },
    ]);
    const dollar = await reportIn("USD");
    expect(dollar.totals.cost).toMatchObject({
      timeNanos: 2_200_000_000n,
      energyNanos: 123_456_789n,
    });
  });

  it("is refused for a code that is none, or that no rate leads to", async () => {
    for (const code of ["EUX", "eur", "CHF"])
      expect(errorOf(() => inCurrency(parse(LIST + RATES), code)).code).toBe("price/currency");
    expect(() => energyPriceSpans(inCurrency(parse(LIST + RATES), "USD"), YEAR)).not.toThrow();
  });
});

describe("what is to be added where a rate ends", () => {
  it("begins at the very instant, ends where the next begins, and can be pasted", () => {
    const text = `${LIST}rates:
  - { of: EUR, in: USD, rate: 1.1, from: 2026-01-01, to: 2026-03-29T02:00Z }
  - { of: EUR, in: USD, rate: 1.2, from: 2026-05-01 }
`;
    const { hint = "" } = errorOf(() => gpuPriceSpans(parse(text), device, YEAR));
    expect(hint).toContain("from: 2026-03-29T02:00:00Z, to: 2026-05-01T00:00:00Z }");
    const pasted = `${text}${hint.split("\n").at(-1)?.slice(2)}\n`;
    expect(gpuPriceSpans(parse(pasted), device, YEAR)).toHaveLength(3);
  });

  it("names no code where none is near", () => {
    expect(errorOf(() => inCurrency(parse(LIST + RATES), "XYZ")).hint).not.toContain(
      "did you mean",
    );
  });
});
