import { describe, expect, it } from "vitest";
import { DARK, LIGHT, PATTERNS, type Theme } from "../../../src/bill/page/palette.ts";
import { STATES, USED_STATES } from "../../../src/bill/page/states.ts";

type Rgb = readonly [number, number, number];

const THEMES: [string, Theme][] = [
  ["light", LIGHT],
  ["dark", DARK],
];

const linear = (hex: string): Rgb => {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
};

/** WCAG 2.2. */
const luminance = ([r, g, b]: Rgb): number => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const contrast = (a: string, b: string): number => {
  const [x, y] = [luminance(linear(a)), luminance(linear(b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};

/** Machado, Oliveira and Fernandes (2009), severity 1, on linear light. */
const SEEN: Record<string, readonly Rgb[]> = {
  "every colour": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  "no red (protanopia)": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "no green (deuteranopia)": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "no blue (tritanopia)": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const seen = (rgb: Rgb, matrix: readonly Rgb[]): Rgb => {
  const [r = 0, g = 0, b = 0] = matrix.map((row) =>
    Math.min(1, Math.max(0, row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])),
  );
  return [r, g, b];
};

/** CIE L*a*b*, D65. */
const lab = ([r, g, b]: Rgb): Rgb => {
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
};

const difference = (a: string, b: string, matrix: readonly Rgb[]): number => {
  const [x, y] = [lab(seen(linear(a), matrix)), lab(seen(linear(b), matrix))];
  return Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
};

describe.each(THEMES)("the %s theme", (_, theme) => {
  it("has text of contrast 4.5 : 1 at least on every ground (WCAG AA)", () => {
    for (const ground of [theme.paper, theme.tint])
      for (const text of [theme.ink, theme.muted, theme.link])
        expect(contrast(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.alarm, theme.alarmGround)).toBeGreaterThanOrEqual(4.5);
  });

  it("has colours of used time that stand out 3 : 1 from the ground", () => {
    for (const state of [...USED_STATES, "held", "unobserved"] as const)
      expect(contrast(theme.states[state], theme.paper)).toBeGreaterThanOrEqual(3);
  });

  it.each(Object.entries(SEEN))("has colours that stay apart to who sees %s", (_name, matrix) => {
    for (const [i, a] of STATES.entries())
      for (const b of STATES.slice(i + 1))
        expect(
          difference(theme.states[a], theme.states[b], matrix),
          `${a} and ${b}`,
        ).toBeGreaterThan(a === "unobserved" || b === "unobserved" ? 3 : 11);
  });
});

describe("patterns", () => {
  it("are a state's own: without any colour they are told apart", () => {
    const marks = STATES.map((state) => `${PATTERNS[state].path} ${PATTERNS[state].open ?? ""}`);
    expect(new Set(marks).size).toBe(STATES.length);
  });
});
