import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spread } from "../../src/plot/end-labels.ts";
import { renderFigure } from "../../src/plot/figure.ts";
import type { PlotChart, PlotFigure, PlotPoint } from "../../src/plot/types.ts";
import { element, text } from "../../src/plot/xml.ts";
import { elementsOf } from "./svg.ts";

const T0 = 1_700_000_000_000;

function point(second: number, mean: number, over: Partial<PlotPoint> = {}): PlotPoint {
  const fromMs = T0 + second * 1000;
  return { fromMs, toMs: fromMs + 1000, min: mean, mean, max: mean, afterHole: false, ...over };
}

function chart(points: readonly PlotPoint[], over: Partial<PlotChart> = {}): PlotChart {
  return { title: "power", unit: "W", scale: 1, series: [{ name: "powerWatts", points }], ...over };
}

function figure(charts: readonly PlotChart[], over: Partial<PlotFigure> = {}): PlotFigure {
  return {
    title: "a title",
    description: "a description",
    notes: [],
    fromMs: T0,
    toMs: T0 + 60_000,
    groups: [{ title: "GPU 0", subtitle: "uuid", charts, bands: [] }],
    ...over,
  };
}

/** The path of the line of means: the only one with round joins. */
function lineOf(svg: string): string {
  const [, d = ""] = /<path d="([^"]*)"[^>]*stroke-linejoin="round"/.exec(svg) ?? [];
  return d;
}

describe("a figure", () => {
  it("is well-formed, says what it is to those who cannot see it, and brings its ground", () => {
    const svg = renderFigure(figure([chart([point(0, 1), point(1, 2)])]));
    const elements = elementsOf(svg);
    expect(elements.slice(0, 3)).toEqual(["svg", "title", "desc"]);
    expect(svg).toMatch(/role="img" aria-labelledby="figure-title figure-description"/);
    expect(svg).toContain(">a title<");
    expect(svg).toContain(">a description<");
    expect(svg).toMatch(/<rect width="1000" height="\d+" fill="#ffffff"\/>/);
  });

  it("needs nothing from elsewhere and runs nothing", () => {
    const svg = renderFigure(figure([chart([point(0, 1)])], { warning: "SIMULATED" }));
    expect(elementsOf(svg)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(script|image|style|use|foreignObject|a)$/)]),
    );
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
      /https?:|@import|href/,
    );
    expect(svg).toContain(">SIMULATED<");
  });

  it("is one line where all was measured, and broken at each hole", () => {
    const whole = renderFigure(figure([chart([0, 1, 2, 3].map((i) => point(i, i)))]));
    expect(lineOf(whole).match(/M/g)).toHaveLength(1);
    const holed = [point(0, 1), point(1, 1), point(30, 1, { afterHole: true }), point(31, 2)];
    expect(lineOf(renderFigure(figure([chart(holed)]))).match(/M/g)).toHaveLength(2);
  });

  it("shades the extremes only where there are some", () => {
    const shade = /<path d="[^"]+" fill="#0072b2" fill-opacity/;
    const flat = [point(0, 1), point(1, 1)];
    expect(renderFigure(figure([chart(flat)]))).not.toMatch(shade);
    expect(renderFigure(figure([chart([...flat, point(2, 1, { max: 9 })])]))).toMatch(shade);
  });

  it("covers what nobody measured, inside the panel, and tells of it", () => {
    const bands = [
      { fromMs: T0 + 10_000, toMs: T0 + 20_000, announced: true, title: "told <of>" },
      { fromMs: T0 + 30_000, toMs: T0 + 30_001, announced: false, title: "short" },
      { fromMs: 0, toMs: T0 * 2, announced: false, title: "endless" },
    ];
    const [group] = figure([chart([point(0, 1)])]).groups;
    const svg = renderFigure(figure([], { groups: group ? [{ ...group, bands }] : [] }));
    expect(svg).toMatch(/fill="url\(#announced\)"><title>told &lt;of&gt;<\/title>/);
    const widths = [...svg.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)" [^>]*><title>/g)];
    expect(widths.map(([, , width]) => Number(width))).toEqual([136, 2, 816]);
  });

  it("names every line and every reference at its end", () => {
    const series = ["smActive", "tensorActive"].map((name) => ({ name, points: [point(0, 1)] }));
    const references = [{ name: "limit 700 W", value: 700 }];
    const svg = renderFigure(figure([chart([], { series, references })]));
    for (const name of ["smActive", "tensorActive", "limit 700 W"])
      expect(svg).toMatch(new RegExp(`<text [^>]*>${name}</text>`));
    // The reference belongs to the picture: the axis reaches up to it.
    expect(svg).toMatch(/>600</);
  });

  it.each([
    [3000, "22:13:21"],
    [600_000, "22:15"],
    [36_000_000, "23:00"],
    [20 * 86_400_000, "21 Nov 00:00"],
    [500 * 86_400_000, "2024-01-01"],
  ])("of %d ms has ticks in UTC such as %s", (spanMs, tick) => {
    const svg = renderFigure(figure([chart([point(0, 1)])], { toMs: T0 + spanMs }));
    expect(svg).toContain(`>${tick}`);
    expect(svg).toContain(">UTC<");
  });

  it("of nothing at all is still a picture", () => {
    expect(() => elementsOf(renderFigure(figure([], { toMs: T0 })))).not.toThrow();
    expect(() => elementsOf(renderFigure(figure([chart([])], { groups: [] })))).not.toThrow();
  });

  it("stays well-formed whatever texts and numbers come", () => {
    const value = fc.double({ min: -1e9, max: 1e16, noNaN: true });
    const hostile = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(
        hostile,
        hostile,
        fc.array(fc.tuple(fc.nat(1e6), value, fc.boolean())),
        (a, b, of) => {
          const points = of
            .toSorted(([x], [y]) => x - y)
            .map(([second, mean, afterHole]) => point(second, mean, { afterHole }));
          const bands = [{ fromMs: T0, toMs: T0 + 5, announced: true, title: a }];
          const groups = [{ title: b, subtitle: a, charts: [chart(points, { title: b })], bands }];
          const svg = renderFigure({ ...figure([]), title: a, description: b, notes: [a], groups });
          elementsOf(svg);
          expect(svg).not.toMatch(/NaN|Infinity|undefined/);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("text in XML", () => {
  it("cannot leave its place", () => {
    const hostile = `</text><script>alert("x")</script>&'`;
    const { xml } = element("text", { x: 1.234, class: hostile, id: undefined }, [text(hostile)]);
    expect(elementsOf(xml)).toEqual(["text"]);
    expect(xml).toMatch(/^<text x="1.23" class="&lt;\/text&gt;/);
  });

  it("loses what XML cannot hold: controls and half characters", () => {
    expect(text("a\u0000b\ud800c\u001b\ufffe😀\n").xml).toBe("a\ufffdb\ufffdc\ufffd\ufffd😀\n");
  });
});

describe("names at line ends", () => {
  it("never overlap, keep their order and stay in the panel where there is room", () => {
    const heights = fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { maxLength: 5 });
    fc.assert(
      fc.property(heights, (ys) => {
        const placed = spread(
          ys.map((y) => ({ y })),
          0,
          60,
        );
        for (const [i, { at }] of placed.entries()) {
          expect(at).toBeLessThanOrEqual(60);
          expect(at).toBeGreaterThanOrEqual(0);
          if (i > 0) expect(at - (placed[i - 1]?.at ?? 0)).toBeGreaterThanOrEqual(12 - 1e-9);
        }
        expect(placed.map(({ y }) => y)).toEqual(ys.toSorted((a, b) => a - b));
      }),
    );
  });

  it("stand where the lines end if they are apart", () => {
    expect(spread([{ y: 40 }, { y: 10 }], 0, 60).map(({ at }) => at)).toEqual([10, 40]);
  });
});
