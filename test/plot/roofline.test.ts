import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KERNEL_FAMILIES, RESOURCES } from "../../src/model/calibration.ts";
import { type RatedKernel, rooflineOf } from "../../src/model/roofline.ts";
import * as colours from "../../src/plot/colours.ts";
import { renderRoofline, type RooflineFigure } from "../../src/plot/roofline/figure.ts";
import { elementsOf } from "./svg.ts";

function kernel(over: Partial<RatedKernel>): RatedKernel {
  return { kernel: "k", family: "hash", unit: "hash/s", ratePerSecond: 1e9, ...over };
}

/** Made-up figures of a device that does not exist. */
const INT = kernel({
  kernel: "alu-int32",
  family: "alu",
  unit: "op/s",
  ratePerSecond: 1e13,
  cost: { "int32-op": 1 },
  measures: "int32-op",
});
const TRIAD = kernel({
  kernel: "memory-triad",
  family: "memory",
  unit: "B/s",
  ratePerSecond: 1e12,
  cost: { "memory-byte": 1 },
  measures: "memory-byte",
});
const GATHER = kernel({
  kernel: "memory-gather",
  family: "memory",
  unit: "B/s",
  ratePerSecond: 4e11,
  cost: { "gather-byte": 1 },
  measures: "gather-byte",
});
const SHA = kernel({ kernel: "sha256d", cost: { "int32-op": 5000 } });
const ETHASH = kernel({
  kernel: "ethash",
  ratePerSecond: 3e7,
  cost: { "int32-op": 20_000, "gather-byte": 8192 },
});
const MATMUL = kernel({
  kernel: "matmul-f32",
  family: "matmul",
  unit: "FLOP/s",
  ratePerSecond: 5e12,
  cost: { "f32-flop": 1, "memory-byte": 0.01 },
});

function draw(kernels: readonly RatedKernel[], over: Partial<RooflineFigure> = {}): string {
  return renderRoofline({
    adapter: "an adapter",
    software: false,
    notes: [],
    roofline: rooflineOf(kernels),
    ...over,
  });
}

const ALL = [INT, TRIAD, GATHER, SHA, ETHASH, MATMUL];

/** Every coordinate and size in the picture. */
function numbersOf(svg: string): string[] {
  return [...svg.matchAll(/ (?:x|y|width|height|d|transform|viewBox)="([^"]*)"/g)].map(
    ([, value = ""]) => value,
  );
}

describe("a roofline's picture", () => {
  it("is well-formed, and says in words what it shows", () => {
    const svg = draw(ALL);
    expect(elementsOf(svg).slice(0, 3)).toEqual(["svg", "title", "desc"]);
    expect(svg).toContain(">Roofline of an adapter<");
    expect(svg).toMatch(/<desc [^>]*>Measured ceilings: int32 10\.0 Top\/s; memory 1\.00 TB\/s/);
    expect(svg).toContain("sha256d 1.00 Ghash/s, 50.0 % of the ceiling of int32");
  });

  it("needs nothing from elsewhere and runs nothing", () => {
    const svg = draw(ALL);
    expect(elementsOf(svg)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(script|image|use|foreignObject|a)$/)]),
    );
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
      /https?:|@import|href/,
    );
  });

  it("marks a CPU that plays GPU, twice, and no GPU", () => {
    expect(draw(ALL)).not.toContain("SOFTWARE");
    const svg = draw(ALL, { software: true });
    expect(svg).toContain(">Roofline of an adapter (SOFTWARE)<");
    expect(svg).toMatch(/fill="#a61b00">SOFTWARE: a CPU plays GPU here/);
  });

  it("names every ceiling with its rate and the kernel that showed it", () => {
    const svg = draw(ALL);
    expect(svg).toContain(">int32: 10.0 Top/s (alu-int32)<");
    expect(svg).toContain(">memory in sequence: 1.00 TB/s<");
    expect(svg).toContain(">memory, scattered: 400 GB/s<");
    expect(draw([SHA])).not.toMatch(/int32: |memory in sequence|memory, scattered/);
  });

  it("has a point with its share for each kernel, in the panel or in the strip", () => {
    const svg = draw(ALL);
    for (const name of ["sha256d 50.0 %", "ethash 61.4 %", "matmul-f32 5.0 %"])
      expect(svg).toContain(`>${name}<`);
    // Without any ceiling there is a rate, but no share of anything.
    expect(draw([SHA])).toContain(">sha256d<");
    expect(draw([SHA])).toContain(">1.00 Ghash/s: int32 not measured<");
  });

  it("puts a point where its axes say", () => {
    const svg = draw([INT, TRIAD, ETHASH]);
    // x from 0.1 to 100 operations a byte over 522 px, y from 100 G to 100 T over 330 px.
    const places = [...svg.matchAll(/translate\(([\d.]+),([\d.]+)\)" fill="#d55e00"/g)];
    const bottom = Number(/<path d="M78,[\d.]+V([\d.]+)"/.exec(svg)?.[1]);
    // The first is the legend's, the second the panel's.
    const [, x, y] = places[1] ?? [];
    expect(Number(x)).toBeCloseTo(78 + 174 * (Math.log10(20_000 / 8192) + 1), 0);
    expect(Number(y)).toBeCloseTo(bottom - 110 * (Math.log10(6e11) - 11), 0);
  });

  it("says that a kernel is above its ceiling, and draws it so", () => {
    const above = { ...SHA, ratePerSecond: 2.4e9 };
    const svg = draw([INT, above]);
    expect(svg).toContain(">2.40 Ghash/s: 120.0 % of int32, above it<");
    const [, width = ""] = /width="([\d.]+)" height="10" fill="#d55e00"/.exec(svg) ?? [];
    expect(Number(width)).toBe(470);
    expect(draw([INT, SHA])).not.toContain("above it");
  });

  it("names what was not measured beside a share", () => {
    expect(draw([INT, ETHASH])).toContain("of int32; gather not measured<");
  });

  it("draws each family in a shape and a colour of its own", () => {
    const svg = draw(KERNEL_FAMILIES.map((family) => kernel({ family, kernel: family })));
    const marks = [
      ...svg.matchAll(/<path d="([^"]+)" transform="translate\([^"]+" fill="([^"]+)"/g),
    ];
    expect(new Set(marks.map(([, shape]) => shape)).size).toBe(KERNEL_FAMILIES.length);
    expect(new Set(marks.map(([, , colour]) => colour)).size).toBe(KERNEL_FAMILIES.length);
  });

  it("has a dark counterpart for every colour it uses", () => {
    const svg = draw([...ALL, kernel({ family: undefined, kernel: "older" })], { software: true });
    const used = new Set(
      [...svg.matchAll(/ (?:fill|stroke)="(#[^"]+)"/g)].map(([, colour = ""]) => colour),
    );
    const known: string[] = Object.values(colours).flatMap((each) =>
      typeof each === "string" ? [each] : typeof each === "object" ? [...each] : [],
    );
    for (const colour of used) {
      expect(known).toContain(colour);
      expect(svg).toContain(`[fill=&quot;${colour}&quot;]{fill:#`);
    }
  });

  it("escapes what an adapter or a record calls itself, and cuts it", () => {
    const evil = `<script>alert("1")</script>&\u0007`;
    const svg = draw([kernel({ kernel: evil }), { ...INT, kernel: evil }], {
      adapter: evil + "x".repeat(500),
      notes: [evil],
    });
    elementsOf(svg);
    expect(svg).not.toContain("<script");
    expect(svg).not.toMatch(/x{200}<\/text>/);
  });

  it.each([
    ["nothing", []],
    ["memory alone", [TRIAD, GATHER]],
    ["arithmetic alone", [INT]],
    ["a kernel without cost", [kernel({})]],
    ["a rate of 0", [kernel({ ratePerSecond: 0, cost: { "int32-op": 1, "memory-byte": 1 } })]],
  ])("can be drawn of %s", (_, kernels) => {
    const svg = draw(kernels);
    elementsOf(svg);
    for (const numbers of numbersOf(svg)) expect(numbers).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("can be drawn of whatever was measured", () => {
    const amount = fc.double({ noNaN: true });
    const measured = fc.record({
      kernel: fc.string({ maxLength: 30 }),
      family: fc.option(fc.constantFrom(...KERNEL_FAMILIES), { nil: undefined }),
      unit: fc.constant("op/s" as const),
      ratePerSecond: fc.double({ min: 0, noNaN: true }),
      cost: fc.dictionary(fc.constantFrom(...RESOURCES), amount, { maxKeys: 4 }),
      measures: fc.option(fc.constantFrom(...RESOURCES), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(measured, { maxLength: 20 }), (kernels) => {
        const svg = draw(kernels);
        elementsOf(svg);
        for (const numbers of numbersOf(svg)) expect(numbers).not.toMatch(/NaN|Infinity/);
      }),
      { numRuns: 30 },
    );
  });
});
