import { matchesPattern, specificity } from "./pattern.ts";
import { overlap } from "./overlap-error.ts";
import type { GpuPrice, Pool, PricedDevice, PriceList } from "./price-types.ts";

/** The pools a device is in, in the list's order. */
export function poolsOf({ pools }: PriceList, device: PricedDevice): Pool[] {
  const fits = (patterns: readonly string[] | undefined, text: string): boolean =>
    patterns === undefined || patterns.some((pattern) => matchesPattern(pattern, text));
  return pools.filter(({ nodes, gpus }) => fits(nodes, device.node) && fits(gpus, device.model));
}

/** The prices that fit a device, whenever they hold. */
export function pricesFor(
  prices: readonly GpuPrice[],
  device: PricedDevice,
  pools: readonly string[],
): GpuPrice[] {
  return prices.filter(({ pattern, scope }) => {
    if (!matchesPattern(pattern, device.model)) return false;
    if (scope === undefined) return true;
    if (scope.kind === "pool") return pools.includes(scope.pattern);
    return matchesPattern(scope.pattern, scope.kind === "node" ? device.node : device.uuid);
  });
}

const SCOPE_RANK = { gpu: 3, node: 2, pool: 1 } as const;

/** What decides between two prices, the weightiest first: place, its pattern, the model's pattern. */
function ranks({ scope, pattern }: GpuPrice): number[] {
  const place = scope && scope.kind !== "pool" ? specificity(scope.pattern) : 0;
  return [scope ? SCOPE_RANK[scope.kind] : 0, place, specificity(pattern)];
}

function compare(a: GpuPrice, b: GpuPrice): number {
  const [left, right] = [ranks(a), ranks(b)];
  const at = left.findIndex((rank, i) => rank !== right[i]);
  return at < 0 ? 0 : (left[at] ?? 0) > (right[at] ?? 0) ? -1 : 1;
}

/**
 * Of prices that fit a device the one that counts at an instant.
 * @throws AssayError price/overlap where two count equally
 */
export function mostSpecific(
  prices: readonly GpuPrice[],
  atMs: number,
  what: string,
  name: string,
): GpuPrice | undefined {
  const holding = prices.filter(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
  const [best, second] = holding.sort(compare);
  if (best && second && compare(best, second) === 0)
    throw overlap(best, second, { what, name, mend: "pattern" }, atMs);
  return best;
}
