import { describe, expect, it } from "vitest";
import { ASCII_LEVELS, BLOCKS, sparkline } from "../../src/plot/sparkline.ts";
import type { PlotPoint } from "../../src/plot/types.ts";

function points(values: readonly (number | undefined)[]): PlotPoint[] {
  let afterHole = false;
  return values.flatMap((value, i) => {
    if (value === undefined) {
      afterHole = true;
      return [];
    }
    const point = { min: value, mean: value, max: value, fromMs: i, toMs: i + 1, afterHole };
    afterHole = false;
    return [point];
  });
}

const draw = (values: readonly (number | undefined)[], over = {}): string =>
  sparkline(points(values), {
    fromMs: 0,
    toMs: values.length,
    columns: values.length,
    low: 0,
    high: 8,
    levels: BLOCKS,
    holes: [],
    ...over,
  });

describe("a sparkline", () => {
  it("has a level for each eighth of the scale, and stays within it", () => {
    expect(draw([0, 1, 2, 3, 4, 5, 6, 7, 8])).toBe("▁▂▃▄▅▆▇██");
    expect(draw([-3, 99])).toBe("▁█");
    expect(draw([0, 4, 8], { levels: ASCII_LEVELS })).toBe("_=#");
  });

  it("leaves a blank where nobody measured, never a level", () => {
    expect(draw([8, undefined, undefined, 8])).toBe("█  █");
    expect([...BLOCKS, ...ASCII_LEVELS]).not.toContain(" ");
  });

  it("leaves a column blank that lies in a hole by half or more", () => {
    const holes = (toMs: number) => ({ holes: [{ fromMs: 1, toMs }] });
    expect(draw([8, 8, 8], holes(1.5))).toBe("█ █");
    expect(draw([8, 8, 8], holes(1.49))).toBe("███");
  });

  it("is blank before the first sample and after the last", () => {
    expect(draw([undefined, 8, undefined])).toBe(" █ ");
  });

  it("fills what lies between two samples with the later one's value", () => {
    const sparse = points([0, undefined, 8]).map((point) => ({ ...point, afterHole: false }));
    const settings = { fromMs: 0, toMs: 3, low: 0, high: 8, levels: BLOCKS, holes: [] };
    expect(sparkline(sparse, { ...settings, columns: 3 })).toBe("▁██");
  });

  it("shows the mean where a column holds several points", () => {
    expect(draw([0, 8, 0, 8], { columns: 2 })).toBe("▅▅");
  });

  it("of a level series without extent is no error", () => {
    expect(draw([0, 0], { high: 0 })).toBe("▁▁");
    expect(draw([], { columns: 3, toMs: 0 })).toBe("   ");
  });
});
