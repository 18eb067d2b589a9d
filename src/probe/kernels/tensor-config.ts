import type { AdapterDescription, MatrixConfig } from "../protocol.ts";

const FEATURES = ["chromium-experimental-subgroup-matrix", "subgroups", "shader-f16"] as const;
/** The shape that hardware knows best, where it is offered. */
const USUAL = 16;

/**
 * The shapes of f16 products with sums of `result`, the most usual first, then the largest. A
 * subgroup's own size has to be known, since the matrices are spread over it.
 */
export function tensorConfigs(
  { matrixConfigs }: AdapterDescription,
  result: "f32" | "f16",
): MatrixConfig[] {
  const isUsual = ({ m, n, k }: MatrixConfig): boolean => m === USUAL && n === USUAL && k === USUAL;
  const volume = (config: MatrixConfig): number =>
    isUsual(config) ? Infinity : config.m * config.n * config.k;
  return matrixConfigs
    .filter((config) => config.componentType === "f16" && config.resultComponentType === result)
    .toSorted((one, other) => (volume(other) === volume(one) ? 0 : volume(other) - volume(one)));
}

/** Why tensor cores cannot be used for products of f16 summed in one of `results`. */
export function lacksTensor(
  adapter: AdapterDescription,
  results: readonly ("f32" | "f16")[],
): string | undefined {
  const missing = FEATURES.filter((feature) => !adapter.features.includes(feature));
  if (missing.length > 0) return `no ${missing.join(", no ")}`;
  if (!results.some((result) => tensorConfigs(adapter, result).length > 0))
    return `no subgroup matrix of f16 with sums in ${results.join(" or ")}`;
  if (lanesOf(adapter) === undefined) return "subgroups of more than one size";
  return undefined;
}

/** Invocations of a subgroup, where that is always the same; otherwise undefined. */
export function lanesOf({ subgroupSizes }: AdapterDescription): number | undefined {
  if (!subgroupSizes) return undefined;
  const [smallest, largest] = subgroupSizes;
  return smallest === largest ? largest : undefined;
}
