import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { carbonSpans, energyPriceSpans } from "../../src/bill/price-lookup.ts";
import { AssayError } from "../../src/model/errors.ts";

const at = (time: string): number => Date.parse(time);
const parse = (text: string) => parsePriceList(`currency: EUR\n${text}`, "prices.yaml");

function errorOf(run: () => unknown): AssayError {
  try {
    run();
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const FLAT = "energy:\n  - { perKwh: 0.30, from: 2020-01-01 }\n";
const tariff = (hours: string, more = "timeZone: Europe/Berlin", price = "0.20"): string =>
  `  - { perKwh: ${price}, from: 2020-01-01, ${hours}, ${more} }\n`;

/** When which price of a kWh holds, in UTC. */
const changes = (text: string, from: string, to: string): string[] =>
  energyPriceSpans(parse(text), { fromMs: at(from), toMs: at(to) }).map(
    ({ fromMs, nanos }) => `${new Date(fromMs).toISOString().slice(5, 16)} ${Number(nanos) / 1e9}`,
  );

describe("a tariff by hours", () => {
  it("beats one without hours, in the zone that it names", () => {
    const text = FLAT + tariff('hours: "22:00-06:00"');
    expect(changes(text, "2026-01-10T00:00Z", "2026-01-11T00:00Z")).toEqual([
      "01-10T00:00 0.2",
      "01-10T05:00 0.3",
      "01-10T21:00 0.2",
    ]);
  });

  it("is UTC where it names no zone", () => {
    const text = FLAT + tariff('hours: "22:00-24:00"', "days: mon-sun");
    expect(changes(text, "2026-07-10T00:00Z", "2026-07-11T01:00Z")).toEqual([
      "07-10T00:00 0.3",
      "07-10T22:00 0.2",
      "07-11T00:00 0.3",
    ]);
  });

  it("loses the hour that a spring night skips", () => {
    const text = FLAT + tariff('hours: "01:00-04:00"');
    // 01:00 CET is 00:00Z; the clock goes from 02:00 to 03:00, so 04:00 CEST is 02:00Z.
    expect(changes(text, "2026-03-28T22:00Z", "2026-03-29T22:00Z")).toEqual([
      "03-28T22:00 0.3",
      "03-29T00:00 0.2",
      "03-29T02:00 0.3",
    ]);
    const skipped = FLAT + tariff('hours: "02:00-03:00"');
    expect(changes(skipped, "2026-03-28T22:00Z", "2026-03-29T22:00Z")).toEqual(["03-28T22:00 0.3"]);
  });

  it("has the hour that an autumn night shows twice, twice", () => {
    const text = FLAT + tariff('hours: "01:00-02:30"');
    expect(changes(text, "2026-10-24T22:00Z", "2026-10-25T22:00Z")).toEqual([
      "10-24T22:00 0.3",
      "10-24T23:00 0.2",
      "10-25T00:30 0.3",
      // The clock is set from 03:00 back to 02:00 at 01:00Z.
      "10-25T01:00 0.2",
      "10-25T01:30 0.3",
    ]);
  });

  it("follows a zone that is set by half an hour, and one that is set at midnight", () => {
    const half = FLAT + tariff('hours: "02:00-03:00"', "timeZone: Australia/Lord_Howe");
    // 02:00 +10:30 becomes 02:30 +11:00 on 2026-10-04: half an hour is left of the tariff.
    expect(changes(half, "2026-10-03T12:00Z", "2026-10-04T12:00Z")).toEqual([
      "10-03T12:00 0.3",
      "10-03T15:30 0.2",
      "10-03T16:00 0.3",
    ]);
    const midnight = FLAT + tariff('hours: "00:00-02:00"', "timeZone: Africa/Cairo");
    // Cairo skips from 00:00 to 01:00 on 2026-04-24.
    expect(changes(midnight, "2026-04-23T12:00Z", "2026-04-24T12:00Z")).toEqual([
      "04-23T12:00 0.3",
      "04-23T22:00 0.2",
      "04-23T23:00 0.3",
    ]);
  });

  it("belongs to the day on which the hours begin", () => {
    const text = FLAT + tariff('hours: "22:00-06:00"', "days: fri, timeZone: UTC");
    // 2026-01-09 is a Friday.
    expect(changes(text, "2026-01-08T00:00Z", "2026-01-12T00:00Z")).toEqual([
      "01-08T00:00 0.3",
      "01-09T22:00 0.2",
      "01-10T06:00 0.3",
    ]);
  });

  it("of days alone begins and ends at local midnight, on a leap day too", () => {
    const text = FLAT + tariff("days: tue", "timeZone: America/New_York");
    // 2028-02-29 is a Tuesday.
    expect(changes(text, "2028-02-28T00:00Z", "2028-03-02T00:00Z")).toEqual([
      "02-28T00:00 0.3",
      "02-29T05:00 0.2",
      "03-01T05:00 0.3",
    ]);
  });

  it("ends with its dates, within its hours", () => {
    const text = `${FLAT}  - { perKwh: 0.2, from: "2026-01-10T23:10:00.001Z", to: 2026-01-11T01:00Z, hours: "00:00-03:00", timeZone: Europe/Berlin }\n`;
    const spans = energyPriceSpans(parse(text), {
      fromMs: at("2026-01-10T00:00Z"),
      toMs: at("2026-01-12T00:00Z"),
    });
    expect(spans.map(({ fromMs }) => new Date(fromMs).toISOString())).toEqual([
      "2026-01-10T00:00:00.000Z",
      "2026-01-10T23:10:00.001Z",
      "2026-01-11T01:00:00.000Z",
    ]);
  });

  it("that is the same at all hours is the flat price in a year, though each is named", () => {
    const text = `energy:\n${tariff('hours: "06:00-22:00"')}${tariff('hours: "22:00-06:00"')}`;
    const all = changes(text, "2026-01-01T00:00Z", "2027-01-01T00:00Z");
    expect(all[0]).toBe("01-01T00:00 0.2");
    expect(new Set(all.map((each) => each.split(" ")[1]))).toEqual(new Set(["0.2"]));
  });

  it("leaves hours that nothing covers without a price", () => {
    expect(
      changes(
        `energy:\n${tariff('hours: "08:00-09:00"')}`,
        "2026-01-01T00:00Z",
        "2026-01-02T00:00Z",
      ),
    ).toEqual(["01-01T00:00 NaN", "01-01T07:00 0.2", "01-01T08:00 NaN"]);
  });

  it("holds for carbon factors alike", () => {
    const text =
      'carbon:\n  - { gramsPerKwh: 400, from: 2020-01-01 }\n  - { gramsPerKwh: 350.5, from: 2020-01-01, hours: "12:00-14:00" }\n';
    const spans = carbonSpans(parse(text), {
      fromMs: at("2026-01-01T00:00Z"),
      toMs: at("2026-01-02T00:00Z"),
    });
    expect(spans.map(({ nanos }) => nanos)).toEqual([
      400_000_000_000n,
      350_500_000_000n,
      400_000_000_000n,
    ]);
  });
});

describe("two tariffs", () => {
  it.each([
    ['hours: "06:00-09:00"', 'hours: "08:59-10:00"'],
    ['hours: "22:00-06:00"', 'hours: "05:00-06:00"'],
    ["days: mon-wed", 'hours: "10:00-11:00", days: wed'],
    ['hours: "22:00-06:00", days: sun', 'hours: "00:00-01:00", days: mon'],
  ])("of %s and of %s overlap, which is seen when read", (one, other) => {
    const error = errorOf(() => parse(`energy:\n${tariff(one)}${tariff(other)}`));
    expect([error.code, error.place]).toEqual(["price/overlap", "prices.yaml:4"]);
    expect(error.message).toContain("lines 3 and 4");
  });

  it.each([
    ['hours: "06:00-09:00"', 'hours: "09:00-10:00"'],
    ['hours: "22:00-06:00", days: sun', 'hours: "00:00-01:00", days: sun'],
    ['hours: "10:00-11:00", days: mon-fri', 'hours: "10:00-11:00", days: "sat,sun"'],
  ])("of %s and of %s do not", (one, other) => {
    const list = parse(`energy:\n${tariff(one)}${tariff(other)}`);
    expect(() =>
      energyPriceSpans(list, { fromMs: at("2026-03-01"), toMs: at("2026-04-30") }),
    ).not.toThrow();
  });

  it("of two zones are found out when both hold", () => {
    const list = parse(
      `energy:\n${tariff('hours: "06:00-09:00"')}${tariff('hours: "08:30-10:00"', "timeZone: UTC")}`,
    );
    const on = (day: string) => ({ fromMs: at(`${day}T00:00Z`), toMs: at(`${day}T23:00Z`) });
    // 09:00 in Berlin is 08:00Z in winter and 07:00Z in summer.
    expect(() => energyPriceSpans(list, on("2026-01-10"))).not.toThrow();
    const london = parse(
      `energy:\n${tariff('hours: "06:00-09:00"')}${tariff('hours: "07:30-10:00"', "timeZone: UTC")}`,
    );
    expect(errorOf(() => energyPriceSpans(london, on("2026-01-10"))).code).toBe("price/overlap");
    expect(() => energyPriceSpans(london, on("2026-07-10"))).not.toThrow();
  });
});

describe("a tariff that cannot be", () => {
  it.each([
    'hours: "6-9"',
    'hours: "25:00-06:00"',
    'hours: "24:00-06:00"',
    'hours: "06:00-24:30"',
    'hours: "06:00-06:00"',
    "days: moon",
    "days: mon-",
    'days: ""',
    "timeZone: Europe/Atlantis",
    "timeZone: Berlin",
    'hours: "06:00-07:00", hour: 1',
  ])("with %s is refused, with its line", (fields) => {
    const error = errorOf(() => parse(`energy:\n  - { perKwh: 1, from: 2026-01-01, ${fields} }\n`));
    expect([error.code, error.place]).toEqual(["price/invalid", "prices.yaml:3"]);
  });
});

describe("tariffs that overlap", () => {
  it("are told at the first instant at which both hold, without a word on patterns", () => {
    const on = (days: string, hours: string) =>
      `  - { perKwh: 1, from: 2026-01-01, days: ${days}, hours: "${hours}" }\n`;
    const error = errorOf(() =>
      parse(`energy:\n${on("fri", "22:00-06:00")}${on("sat", "05:00-07:00")}`),
    );
    expect(error.message).toContain("on 2026-01-03T05:00:00Z");
    expect(error.hint).not.toContain("pattern");
  });
});
