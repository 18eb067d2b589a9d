import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { energyPriceSpans, gpuPriceSpans } from "../../src/bill/price-lookup.ts";
import { AssayError } from "../../src/model/errors.ts";
import { H100 } from "../support/slices.ts";

const at = (time: string): number => Date.parse(time);
const YEAR = { fromMs: at("2026-01-01T00:00Z"), toMs: at("2027-01-01T00:00Z") };

/** A list with one H100 price; `extra` comes below it. */
const list = (extra = "", perGpuHour = '"2.49"'): string =>
  `currency: USD\ngpus:\n  - model: "${H100}"\n    perGpuHour: ${perGpuHour}\n    from: 2026-01-01\n${extra}`;

const device = (model: string) => ({ model, node: "node-a", uuid: "GPU-1" });

const parse = (text: string) => parsePriceList(text, "prices.yaml");

function errorOf(text: string): AssayError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("the list was accepted");
}

const spansOf = (text: string, model = H100, window = YEAR) =>
  gpuPriceSpans(parse(text), device(model), window).map(({ fromMs, nanos }) => [
    new Date(fromMs).toISOString().slice(0, 10),
    nanos,
  ]);

describe("a price", () => {
  it.each([
    ['"2.49"', 2_490_000_000n],
    ["2.49", 2_490_000_000n],
    ["0.123456789", 123_456_789n],
    ["9007199254740993.000000001", 9_007_199_254_740_993_000_000_001n],
    ["3", 3_000_000_000n],
    ["0", 0n],
  ])("%s is read exactly", (written, nanos) => {
    expect(parse(list("", written)).gpus[0]?.nanos).toBe(nanos);
  });

  it.each([
    "-1",
    "1e3",
    "0x10",
    ".inf",
    "0.1234567891",
    '"2,49"',
    '"2.49 USD"',
    "true",
    "~",
    "[1]",
  ])("%s is refused, with its line", (written) => {
    const error = errorOf(list("", written));
    expect(error.code).toBe("price/invalid");
    expect(error.place).toBe("prices.yaml:4");
    expect(error.message).toMatch(/^gpus\.0\.perGpuHour: /);
  });
});

describe("a price's dates", () => {
  it.each([
    ["2026-02-28", "2026-02-28T00:00:00Z"],
    ["2028-02-29", "2028-02-29T00:00:00Z"],
    ["2026-03-29T02:30+01:00", "2026-03-29T01:30:00Z"],
    ["2026-03-29T02:30", "2026-03-29T02:30:00Z"],
  ])("%s is read as UTC", (written, instant) => {
    const text = list().replace("2026-01-01", written);
    expect(parse(text).gpus[0]?.fromMs).toBe(at(instant));
  });

  it.each(["2026-02-29", "2026-13-01", "2026-01-01T24:00", "01.02.2026", "soon", "2026"])(
    "%s is refused, with its line",
    (written) => {
      const error = errorOf(list().replace("2026-01-01", written));
      expect([error.code, error.place]).toEqual(["price/invalid", "prices.yaml:5"]);
    },
  );

  it("end later than they begin", () => {
    expect(parse(list("    to: 2026-01-02\n")).gpus).toHaveLength(1);
    for (const to of ["2026-01-01", "2025-12-31"]) {
      const error = errorOf(list(`    to: ${to}\n`));
      expect([error.code, error.place]).toEqual(["price/invalid", "prices.yaml:6"]);
    }
  });
});

describe("a malformed price list", () => {
  it("with an unknown key names the nearest key and the line", () => {
    const error = errorOf(list().replace("perGpuHour", "perGpuHuor"));
    expect(error.code).toBe("price/invalid");
    const unknown = errorOf(list("    till: 2027-01-01\n"));
    expect(unknown.message).toBe('Unknown key "till".');
    expect(unknown.place).toBe("prices.yaml:6");
    const near = errorOf(list("    form: 2027-01-01\n"));
    expect(near.hint).toBe("did you mean from?");
  });

  it("with an unknown key at the top names the key's own line", () => {
    const error = errorOf(list("engery:\n  - perKwh: 1\n"));
    expect([error.place, error.hint]).toEqual(["prices.yaml:6", "did you mean energy?"]);
  });

  it.each([
    ["a key given twice", list("currency: EUR\n"), 6],
    ["broken YAML", "currency: USD\ngpus: [", 2],
    ["a list at the top", "- 1", 1],
    ["nothing", "", 1],
    ["a currency that is no code", list().replace("USD", "dollars"), 1],
    ["an empty model", list().replace(H100, ""), 3],
  ])("with %s is refused", (_what, text, line) => {
    const error = errorOf(text);
    expect([error.code, error.place]).toEqual(["price/invalid", `prices.yaml:${line}`]);
  });

  it("with a missing key is refused at the entry", () => {
    const error = errorOf(list().replace("    from: 2026-01-01\n", ""));
    expect([error.code, error.place]).toEqual(["price/invalid", "prices.yaml:3"]);
    expect(error.message).toContain("gpus.0.from");
  });

  it("of aliases that would grow without bound is refused", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (const [one, next] of ["ab", "bc", "cd", "de", "ef", "fg"].map((pair) => [...pair]))
      bomb.push(`${next}: &${next} [${`*${one},`.repeat(8)}*${one}]`);
    const error = errorOf(bomb.join("\n"));
    expect(error.code).toBe("price/invalid");
    expect(error.message).toMatch(/^The YAML cannot be read: .*alias/);
  });
});

describe("overlapping prices", () => {
  const second = (from: string, model = H100): string =>
    `  - { model: "${model}", perGpuHour: 3, from: ${from} }\n`;

  it("of one model are refused with both lines", () => {
    const error = errorOf(list(second("2026-06-01")));
    expect(error.code).toBe("price/overlap");
    expect(error.message).toContain("lines 3 and 6");
    expect(error.place).toBe("prices.yaml:6");
  });

  it("are none where one ends as the next begins", () => {
    expect(spansOf(list(`    to: 2026-06-01\n${second("2026-06-01")}`))).toEqual([
      ["2026-01-01", 2_490_000_000n],
      ["2026-06-01", 3_000_000_000n],
    ]);
  });

  it("of energy are refused, and in sequence accepted", () => {
    const energy = (to: string): string =>
      `energy:\n  - { perKwh: 1, from: 2026-01-01${to} }\n  - { perKwh: 2, from: 2026-06-01 }\n`;
    expect(errorOf(list(energy(""))).code).toBe("price/overlap");
    const spans = energyPriceSpans(parse(list(energy(", to: 2026-06-01"))), YEAR);
    expect(spans.map((span) => span.nanos)).toEqual([1_000_000_000n, 2_000_000_000n]);
  });

  it("of two equally specific patterns are refused once a GPU fits both", () => {
    const text = `currency: USD\ngpus:\n${second("2026-01-01", "ab*")}${second("2026-02-01", "*bc")}`;
    expect(() => spansOf(text, "abc")).toThrow(/lines 3 and 4/);
    expect(spansOf(text, "abx")).toEqual([["2026-01-01", 3_000_000_000n]]);
  });
});

describe("of several patterns that fit", () => {
  const priced = (...entries: [string, number][]): string =>
    `currency: USD\ngpus:\n${entries
      .map(
        ([model, price]) => `  - { model: "${model}", perGpuHour: ${price}, from: 2026-01-01 }\n`,
      )
      .join("")}`;

  it.each([
    ["the exact name beats any pattern", H100, 4_000_000_000n],
    ["the longer pattern beats the shorter", "NVIDIA H100 PCIe", 3_000_000_000n],
    ["the shorter holds where the longer does not fit", "NVIDIA A100", 2_000_000_000n],
    ["a bare star fits everything", "Some GPU", 1_000_000_000n],
  ])("%s", (_what, model, nanos) => {
    const text = priced(["*", 1], ["NVIDIA *", 2], ["NVIDIA H100*", 3], [H100, 4]);
    expect(spansOf(text, model)).toEqual([["2026-01-01", nanos]]);
  });

  it("the more specific wins only while it holds", () => {
    const text = `${priced(["NVIDIA*", 2])}  - { model: "${H100}", perGpuHour: 9, from: 2026-03-01, to: 2026-04-01 }\n`;
    expect(spansOf(text)).toEqual([
      ["2026-01-01", 2_000_000_000n],
      ["2026-03-01", 9_000_000_000n],
      ["2026-04-01", 2_000_000_000n],
    ]);
  });

  it("the default fills what is left", () => {
    expect(spansOf(`${list()}default: { perGpuHour: 1 }\n`, "Other")).toEqual([
      ["2026-01-01", 1_000_000_000n],
    ]);
    expect(spansOf(list(), "Other")).toEqual([["2026-01-01", undefined]]);
  });

  it("a dot or bracket of a pattern is only itself", () => {
    const text = priced(["A.C [x]*", 1]);
    expect(spansOf(text, "A.C [x] 1")[0]?.[1]).toBe(1_000_000_000n);
    expect(spansOf(text, "ABC x 1")[0]?.[1]).toBeUndefined();
  });
});

describe("the example price list", () => {
  it("is accepted", () => {
    const text = readFileSync(new URL("../../data/prices.yaml", import.meta.url), "utf8");
    expect(text).toMatch(/EXAMPLE/);
    expect(gpuPriceSpans(parse(text), device("Unlisted GPU"), YEAR)[0]?.nanos).toBe(1_000_000_000n);
  });
});

describe("what is said of a malformed list", () => {
  it.each([
    ["# nothing yet\n", "The file is empty."],
    ["- 1\n", "the price list: must be a mapping with currency, pools, gpus"],
    [list("energy: 5\n"), "energy: must be a list"],
  ])("%j", (text, message) => {
    expect(errorOf(text).message).toContain(message);
  });

  it("ends in no colon where it is no YAML", () => {
    expect(errorOf("currency: USD\ngpus: [").message).not.toMatch(/:$/);
  });

  it("begins with what comes first, a misspelt key before what is missing for it", () => {
    const text = list("    foo: 1\n").replace("currency:", "curency:");
    const error = errorOf(text);
    expect([error.place, error.hint]).toEqual(["prices.yaml:1", "did you mean currency?"]);
    expect(errorOf(list("    foo: 1\n")).hint).toMatch(/^known here: /);
  });
});
