/** A rectangle, in pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface LabelledPoint {
  x: number;
  y: number;
  name: string;
}

export interface PlacedLabel {
  /** Where its text begins, and its baseline. */
  x: number;
  y: number;
  /** Not beside its point: a line to here ties them. */
  isFar: boolean;
  tieX: number;
  tieY: number;
}

/** Of a label's font. */
export const LABEL_PX = 10;
const LINE_PX = 12;
/** Widths of letters differ; this is beyond the mean of all common faces. */
const LETTER_PX = 0.6 * LABEL_PX;
const GAP_PX = 8;
const MARK_PX = 6;
const BASELINE_PX = 9;
const STEPS = 30;

export function textWidth(name: string, fontPx = LABEL_PX): number {
  return (name.length * LETTER_PX * fontPx) / LABEL_PX;
}

/** What a label must not lie on, and what it may where there is no better place: lines. */
export interface Taken {
  never?: readonly Box[];
  rather?: readonly Box[];
}

/**
 * A place for each point's name where it covers no other name, no point and nothing that is taken:
 * beside the point, there on a line, or further above or below. Where `within` has no free place at
 * all, the name is put right of its point.
 */
export function placeLabels(
  points: readonly LabelledPoint[],
  within: Box,
  { never = [], rather = [] }: Taken = {},
): PlacedLabel[] {
  const boxes = [...never, ...points.map(markBox)];
  return points.map((point) => {
    const tried = candidates(point);
    const open = tried.filter(
      ({ box }) => contains(within, box) && !boxes.some((other) => overlaps(box, other)),
    );
    const clear = open.filter(({ box }) => !rather.some((line) => overlaps(box, line)));
    const near = [...clear, ...open].find(({ isFar }) => !isFar);
    const chosen = near ?? clear[0] ?? open[0] ?? tried[0];
    const { box, isFar } = chosen ?? { box: markBox(point), isFar: false };
    boxes.push(box);
    const tieX = Math.max(box.x, Math.min(point.x, box.x + box.width));
    const tieY = box.y > point.y ? box.y : box.y + box.height;
    return { x: box.x, y: box.y + BASELINE_PX, isFar, tieX, tieY };
  });
}

function candidates({ x, y, name }: LabelledPoint): { box: Box; isFar: boolean }[] {
  const width = textWidth(name);
  const sides = [x + GAP_PX, x - GAP_PX - width];
  const rows = Array.from({ length: STEPS }, (_, i) => (i * LINE_PX) / 2);
  return rows.flatMap((away) =>
    (away === 0 ? [0] : [-away, away]).flatMap((dy) =>
      [...sides, ...(away > GAP_PX ? [x - width / 2] : [])].map((left) => ({
        box: { x: left, y: y + dy - LINE_PX / 2, width, height: LINE_PX },
        isFar: away > LINE_PX,
      })),
    ),
  );
}

/** What a point covers. */
export function markBox({ x, y }: { x: number; y: number }): Box {
  return { x: x - MARK_PX, y: y - MARK_PX, width: 2 * MARK_PX, height: 2 * MARK_PX };
}

export function overlaps(a: Box, b: Box): boolean {
  const apart = a.x + a.width <= b.x || b.x + b.width <= a.x;
  return !apart && a.y < b.y + b.height && b.y < a.y + a.height;
}

function contains(outer: Box, inner: Box): boolean {
  const wide = inner.x >= outer.x && inner.x + inner.width <= outer.x + outer.width;
  return wide && inner.y >= outer.y && inner.y + inner.height <= outer.y + outer.height;
}
