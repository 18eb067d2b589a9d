import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { gpuPriceSpans } from "../../src/bill/price-lookup.ts";
import { poolsOf } from "../../src/bill/price-precedence.ts";
import { buildReport } from "../../src/bill/report.ts";
import { AssayError } from "../../src/model/errors.ts";
import { parseNanos } from "../../src/model/money.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { H100, gpu, slice } from "../support/slices.ts";

const DAY = 86_400_000;
const at = (time: string): number => Date.parse(time);
const YEAR = { fromMs: at("2026-01-01T00:00Z"), toMs: at("2027-01-01T00:00Z") };
const HEAD = "currency: USD\n";
const parse = (text: string) => parsePriceList(HEAD + text, "prices.yaml");

function errorOf(run: () => unknown): AssayError {
  try {
    run();
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const device = { model: H100, node: "gpu-17", uuid: "GPU-aa" };
const units = (nanos: bigint | undefined): number => Number(nanos) / 1e9;
const priceOf = (text: string, of = device): number =>
  units(gpuPriceSpans(parse(text), of, YEAR)[0]?.nanos);

const POOLS = 'pools: [{ name: a, nodes: ["gpu-1*"] }, { name: b, gpus: ["*H100*"] }]\n';

describe("of several prices that fit a device", () => {
  const entry = (what: string, price: number): string =>
    `  - { ${what}, perGpuHour: ${price}, from: 2026-01-01 }\n`;
  const model = `model: "${H100}"`;
  /** From the weakest to the strongest; each beats all before it. */
  const gpus: [string, number][] = [
    ['model: "NVIDIA*"', 1],
    [model, 2],
    [`model: "NVIDIA*", pool: a`, 3],
    [`${model}, pool: a`, 4],
    ['model: "*", node: "gpu-*"', 5],
    ['model: "*", node: "gpu-1*"', 6],
    [`${model}, node: "gpu-1*"`, 7],
    ['model: "*", node: gpu-17', 8],
  ];
  const commitments: [string, number][] = [
    ['name: m, model: "*"', 9],
    ["name: p, pool: a", 10],
    ['name: n, node: "gpu*"', 11],
    ['name: g, gpu: "GPU-a*"', 12],
  ];

  it.each([...gpus.keys()])("number %i of the order beats those before it", (last) => {
    const some = gpus.slice(0, last + 1).map(([what, price]) => entry(what, price));
    for (const order of [some, [...some].reverse()])
      expect(priceOf(`${POOLS}default: { perGpuHour: 0.5 }\ngpus:\n${order.join("")}`)).toBe(
        last + 1,
      );
  });

  it.each([...commitments.keys()])("commitment %i beats every price", (last) => {
    const some = commitments.slice(0, last + 1).map(([what, price]) => entry(what, price));
    const all = gpus.map(([what, price]) => entry(what, price)).join("");
    expect(priceOf(`${POOLS}gpus:\n${all}commitments:\n${some.join("")}`)).toBe(last + 9);
  });

  it("two of one place and model that hold at one time are refused when read", () => {
    const two = entry(`${model}, pool: a`, 1) + entry(`${model}, pool: a`, 2);
    const error = errorOf(() => parse(`${POOLS}gpus:\n${two}`));
    expect([error.code, error.place]).toEqual(["price/overlap", "prices.yaml:5"]);
    expect(error.message).toContain("lines 4 and 5");
  });

  it("two pools that both hold the device are refused when used, and else not", () => {
    const text = `${POOLS}gpus:\n${entry(`${model}, pool: a`, 1)}${entry(`${model}, pool: b`, 2)}`;
    const error = errorOf(() => priceOf(text));
    expect(error.code).toBe("price/overlap");
    expect(error.message).toContain("lines 4 and 5");
    expect(priceOf(text, { ...device, node: "other" })).toBe(2);
  });
});

describe("a pool", () => {
  it("holds devices that fit its nodes and its models", () => {
    const list = parse(
      `pools:\n  - { name: both, nodes: ["gpu-1*", x], gpus: ["*A100*", "*H100*"] }\n`,
    );
    const names = (of: typeof device) => poolsOf(list, of).map(({ name }) => name);
    expect(names(device)).toEqual(["both"]);
    expect(names({ ...device, node: "x" })).toEqual(["both"]);
    expect(names({ ...device, node: "y" })).toEqual([]);
    expect(names({ ...device, model: "NVIDIA L4" })).toEqual([]);
  });

  it.each([
    ["that is not there", 'gpus:\n  - { model: "*", pool: c, perGpuHour: 1, from: 2026-01-01 }', 4],
    [
      "with a node as well",
      'gpus:\n  - { model: "*", pool: a, node: n, perGpuHour: 1, from: 2026-01-01 }',
      4,
    ],
    ["of one name twice", "", 2],
  ])("%s is refused", (_what, more, line) => {
    const twice = more === "" ? POOLS.replace("name: b", "name: a") : POOLS;
    const error = errorOf(() => parse(twice + more));
    expect([error.code, error.place]).toEqual(["price/invalid", `prices.yaml:${line}`]);
  });
});

describe("a commitment", () => {
  const listed = `gpus:\n  - { model: "*", perGpuHour: 4, from: 2026-01-01 }\n`;
  const spansOf = (text: string, window = YEAR) =>
    gpuPriceSpans(parse(text), device, window).map(
      ({ fromMs, nanos, listNanos, contractedNanos, commitment }) => ({
        from: new Date(fromMs).toISOString().slice(0, 10),
        prices: [nanos, listNanos, contractedNanos].map(units),
        commitment,
      }),
    );

  it("holds within its dates; the list price is what would hold without it", () => {
    const text = `${listed}commitments:\n  - { name: c, model: "*", perGpuHour: 3, from: 2026-02-01, to: 2026-03-01 }\n`;
    expect(spansOf(text)).toEqual([
      { from: "2026-01-01", prices: [4, 4, 4], commitment: undefined },
      { from: "2026-02-01", prices: [3, 4, 3], commitment: "c" },
      { from: "2026-03-01", prices: [4, 4, 4], commitment: undefined },
    ]);
  });

  it("says its own list price where it has one", () => {
    const text = `${listed}commitments:\n  - { name: c, model: "*", perGpuHour: 3, listPerGpuHour: 5, from: 2026-01-01 }\n`;
    expect(spansOf(text)).toEqual([{ from: "2026-01-01", prices: [3, 5, 3], commitment: "c" }]);
  });

  it("spreads what was paid in advance over the hours of its devices", () => {
    // 8760 hours of two devices: 35,040 is 2.00 for each.
    const text = `${listed}commitments:\n  - { name: c, model: "*", perGpuHour: 1, upfront: 35040, devices: 2, from: 2026-01-01, to: 2027-01-01 }\n`;
    expect(spansOf(text)).toEqual([{ from: "2026-01-01", prices: [3, 4, 1], commitment: "c" }]);
  });

  it.each([
    ["no devices", "upfront: 1, to: 2027-01-01"],
    ["no end", "upfront: 1, devices: 1"],
    ["no device at all", "upfront: 1, devices: 0, to: 2027-01-01"],
    ["no price", "to: 2027-01-01"],
  ])("with %s is refused", (_what, fields) => {
    const error = errorOf(() =>
      parse(`commitments:\n  - { name: c, model: "*", from: 2026-01-01, ${fields} }\n`),
    );
    expect([error.code, error.place]).toEqual(["price/invalid", "prices.yaml:3"]);
  });

  const yearOf = (upfront: string, devices: number, days: number, uuids = devices) => {
    const to = new Date(YEAR.fromMs + days * DAY).toISOString().slice(0, 10);
    const text = `commitments:\n  - { name: c, model: "*", upfront: "${upfront}", devices: ${devices}, from: 2026-01-01, to: ${to} }\n`;
    const names = Array.from({ length: uuids }, (_, i) => `GPU-${i}`);
    const ledger = new MemoryLedger({
      gpus: names.map((uuid, index) => gpu(uuid, { index, firstSeenMs: YEAR.fromMs })),
      slices: [],
    });
    return (fromMs: number, toMs: number) =>
      buildReport({
        ledger,
        prices: parse(text),
        window: { fromMs, toMs },
        groupBy: ["gpu", "commitment"],
        nowMs: YEAR.toMs,
      });
  };

  it.each([
    ["10000.00", 3, 365],
    ["0.000000001", 7, 3],
    ["99999.999999999", 8, 91],
    ["1", 1, 1],
  ])("of %s for %i devices over %i days amortises it to the billionth", async (paid, n, days) => {
    const report = yearOf(paid, n, days);
    const { totals } = await report(YEAR.fromMs, YEAR.fromMs + days * DAY);
    expect(totals.cost?.totalNanos).toBe(parseNanos(paid));
    expect(totals.cost?.contractedNanos).toBe(0n);
  });

  it("that fits more devices than were paid for is refused in the report", async () => {
    const failed: unknown = await yearOf(
      "1",
      2,
      10,
      3,
    )(YEAR.fromMs, YEAR.fromMs + DAY).catch((e: unknown) => e);
    expect(failed).toMatchObject({ code: "price/invalid", place: "prices.yaml:3" });
  });

  it("is a group of the report, and a rate of it", async () => {
    const text = `${listed}commitments:\n  - { name: c, model: "*", perGpuHour: 3, from: 2026-01-01T01:00Z }\n`;
    const report = await buildReport({
      ledger: new MemoryLedger({
        gpus: [gpu("G", { firstSeenMs: YEAR.fromMs })],
        slices: [slice("G", YEAR.fromMs, YEAR.fromMs + 7_200_000, "user:a", "other")],
      }),
      prices: parse(text),
      window: { fromMs: YEAR.fromMs, toMs: YEAR.fromMs + 7_200_000 },
      groupBy: ["commitment"],
      nowMs: YEAR.toMs,
    });
    const figures = report.lines.map(({ group, cost }) => [
      group.commitment,
      units(cost?.totalNanos),
      units(cost?.listNanos),
    ]);
    expect(figures).toEqual([
      ["(none)", 4, 4],
      ["c", 3, 4],
    ]);
    expect(report.rates.map(({ commitment, listNanos }) => [commitment, listNanos])).toEqual([
      [undefined, undefined],
      ["c", 4_000_000_000n],
    ]);
  });
});
