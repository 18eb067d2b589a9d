import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExposition } from "../../../src/collect/dcgm/exposition.ts";

const first = (line: string) => {
  const { samples } = parseExposition(line);
  const [sample] = samples;
  return sample && { ...sample, labels: Object.fromEntries(sample.labels) };
};

describe("a line of the text format", () => {
  it.each([
    ['A{gpu="0",UUID="GPU-1"} 5', { gpu: "0", UUID: "GPU-1" }, 5],
    ['A{gpu="0", UUID="GPU-1"} 5', { gpu: "0", UUID: "GPU-1" }, 5],
    ['A{ gpu = "0" , } 5', { gpu: "0" }, 5],
    ['A {gpu="0"}\t5 1700000000000', { gpu: "0" }, 5],
    ['A{x="a\\"b\\\\c\\nd"} 1', { x: 'a"b\\c\nd' }, 1],
    ['A{x="},{"} 1', { x: "},{" }, 1],
    ['A{x=""} 1', { x: "" }, 1],
    ["A{} 1", {}, 1],
    ["A 1", {}, 1],
    ["A 1.5e+09", {}, 1.5e9],
    ["A -0.25", {}, -0.25],
    ["A 9223372036854775794", {}, 9_223_372_036_854_776_000],
    ["A:b_1 .5\r", {}, 0.5],
  ])("is read: %s", (line, labels, value) => {
    expect(first(line)).toEqual({ name: line.split(/[ {]/)[0], labels, value });
  });

  it.each(["A NaN", "A +Inf", 'A{x="1"} -Inf', "A 1e999"])("measures nothing: %s", (line) => {
    expect(parseExposition(line)).toEqual({ samples: [], refused: 0 });
  });

  it.each([
    'A{gpu="0"',
    'A{gpu="0" 3',
    "A{gpu=0} 3",
    'A{job="a"b"} 3',
    'A{gpu="0"}',
    'A{gpu="0"} x',
    'A{gpu="0"} 1 2 3',
    'A{gpu="0"} 0x10',
    '{gpu="0"} 1',
    "!",
    `A{x="${"y".repeat(70_000)}"} 1`,
  ])("is refused alone: %s", (line) => {
    const { samples, refused } = parseExposition(`B 1\n${line}\nB 2\n`);
    expect(samples.map(({ value }) => value)).toEqual([1, 2]);
    expect(refused).toBe(1);
  });

  it("is none if it is empty or a comment", () => {
    const text = "\n# HELP A x\n# TYPE A  gauge\n#\n\nA 1";
    expect(parseExposition(text)).toMatchObject({ samples: [{ value: 1 }], refused: 0 });
  });
});

describe("a text", () => {
  const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,10}$/);
  const label = fc.tuple(name, fc.string({ unit: "binary", maxLength: 20 }));
  const escape = (text: string) =>
    text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

  it("gives back every sample that was written into it", () => {
    const sample = fc.record({
      name,
      labels: fc.uniqueArray(label, { selector: ([key]) => key, maxLength: 5 }),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    });
    // A carriage return or a separator inside a label is no end of line, but only \n can be escaped.
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        const lines = samples.map(({ name: metric, labels, value }) => {
          const inner = labels.map(([key, text]) => `${key}="${escape(text)}"`).join(",");
          return `${metric}{${inner}} ${value}`;
        });
        const read = parseExposition(lines.join("\n"));
        expect(read.refused).toBe(0);
        expect(
          read.samples.map(({ labels, ...rest }) => ({ ...rest, labels: [...labels] })),
        ).toEqual(samples);
      }),
    );
  });

  it("of anything is read without a throw, into finite numbers", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "binary" }), (a, b) => {
        const { samples } = parseExposition(`${a}\nA{${b}} 1\n${b} ${a}`);
        for (const { value } of samples) expect(value).toSatisfy(Number.isFinite);
      }),
    );
  });

  it("of 4 MiB that tries hard is read in no time", () => {
    const hard = `A{${'x="'.repeat(10_000)}`;
    const text = `${hard}\n`.repeat(Math.floor((4 * 1024 * 1024) / hard.length));
    const startedMs = performance.now();
    expect(parseExposition(text).samples).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});
