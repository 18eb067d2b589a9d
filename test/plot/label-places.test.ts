import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Box,
  type LabelledPoint,
  markBox,
  overlaps,
  type PlacedLabel,
  placeLabels,
  textWidth,
} from "../../src/plot/label-places.ts";

const PANEL: Box = { x: 0, y: 0, width: 600, height: 600 };

/** What a label covers. */
function boxOf({ x, y }: PlacedLabel, { name }: LabelledPoint): Box {
  return { x, y: y - 9, width: textWidth(name), height: 12 };
}

describe("names beside points", () => {
  it("are right of a point that is alone, and left of it at the right edge", () => {
    const point = { x: 300, y: 300, name: "sha256d" };
    expect(placeLabels([point], PANEL)).toMatchObject([{ x: 308, y: 303, isFar: false }]);
    const edge = { ...point, x: 590 };
    expect(placeLabels([edge], PANEL)).toMatchObject([{ x: 590 - 8 - 42, isFar: false }]);
  });

  it("rather leave lines free, but lie on one sooner than far away", () => {
    const point = { x: 300, y: 300, name: "ethash" };
    const right: Box = { x: 307, y: 299, width: 300, height: 2 };
    expect(placeLabels([point], PANEL, { rather: [right] })[0]?.x).toBeLessThan(300);
    const across: Box[] = [280, 290, 300, 310, 320].map((y) => ({
      x: 0,
      y,
      width: 600,
      height: 2,
    }));
    expect(placeLabels([point], PANEL, { rather: across })).toMatchObject([{ isFar: false }]);
    expect(placeLabels([point], PANEL, { never: across })).toMatchObject([{ isFar: true }]);
  });

  it("cover neither each other nor a point, however close the points are", () => {
    const near = fc.record({
      x: fc.integer({ min: 200, max: 400 }),
      y: fc.integer({ min: 250, max: 350 }),
      name: fc.constantFrom("blake3", "matmul-tensor 39.3 %", "memory-gather"),
    });
    fc.assert(
      fc.property(fc.array(near, { minLength: 1, maxLength: 9 }), (points) => {
        const boxes = placeLabels(points, PANEL).map((label, i) =>
          boxOf(label, points[i] ?? { x: 0, y: 0, name: "" }),
        );
        for (const [i, box] of boxes.entries()) {
          expect(boxes.slice(i + 1).some((other) => overlaps(box, other))).toBe(false);
          expect(points.some((point) => overlaps(box, markBox(point)))).toBe(false);
          expect(box.x >= 0 && box.x + box.width <= 600 && box.y >= 0 && box.y <= 588).toBe(true);
        }
      }),
    );
  });

  it("are put right of the point where there is no room at all", () => {
    const point = { x: 5, y: 5, name: "keccak256" };
    const tiny = { x: 0, y: 0, width: 10, height: 10 };
    expect(placeLabels([point], tiny)).toMatchObject([{ x: 13, y: 8 }]);
  });
});
