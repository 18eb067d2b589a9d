import type { Window } from "../model/window.ts";

/**
 * The window in stretches of one value each, in order and without gaps.
 * @param cuts where the value may change, in any order; those outside the window count for nothing
 * @param valueAt the value from such an instant on, until the next
 */
export function spansOf<V extends object>(
  window: Window,
  cuts: readonly number[],
  valueAt: (atMs: number) => V,
): (V & Window)[] {
  const inside = cuts.filter((atMs) => window.fromMs < atMs && atMs < window.toMs);
  const bounds = [...new Set([window.fromMs, ...inside, window.toMs])].sort((a, b) => a - b);
  const out: { value: V; span: Window }[] = [];
  for (const [i, fromMs] of bounds.entries()) {
    const toMs = bounds[i + 1];
    if (toMs === undefined) break;
    const value = valueAt(fromMs);
    const last = out.at(-1);
    if (last && isSame(last.value, value)) last.span.toMs = toMs;
    else out.push({ value, span: { fromMs, toMs } });
  }
  return out.map(({ value, span }) => ({ ...value, ...span }));
}

/** The span that holds an instant, found by halving; undefined outside all of them. */
export function spanAt<S extends Window>(spans: readonly S[], atMs: number): S | undefined {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const span = spans[middle];
    if (span && span.toMs <= atMs) low = middle + 1;
    else high = middle;
  }
  const found = spans[low];
  return found && found.fromMs <= atMs ? found : undefined;
}

function isSame(a: object, b: object): boolean {
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  return left.length === right.size && left.every(([key, value]) => right.get(key) === value);
}
