import type { AdapterDescription } from "../protocol.ts";
import type { Sides } from "./product.ts";
import type { Variant } from "./variant.ts";

/** What a workgroup computes at a time, and takes for it. */
export interface Tile {
  rows: number;
  columns: number;
  invocations: number;
  storageBytes: number;
}

/** Enough workgroups for a large GPU: some 150 multiprocessors, with two each. */
const PLENTY_OF_WORKGROUPS = 256;
/** The specification's smallest limits, where an adapter does not tell its own. */
const DEFAULT_INVOCATIONS = 256;
const DEFAULT_STORAGE_BYTES = 16_384;
const DEFAULT_BINDING_BYTES = 2 ** 27;
const DEFAULT_BUFFER_BYTES = 2 ** 28;

/** Whether the adapter can run workgroups of such a tile. */
export function fits({ limits }: AdapterDescription, tile: Tile): boolean {
  const most = Math.min(
    limits["maxComputeInvocationsPerWorkgroup"] ?? DEFAULT_INVOCATIONS,
    limits["maxComputeWorkgroupSizeX"] ?? DEFAULT_INVOCATIONS,
  );
  const storage = limits["maxComputeWorkgroupStorageSize"] ?? DEFAULT_STORAGE_BYTES;
  return tile.invocations <= most && tile.storageBytes <= storage;
}

/**
 * The variants whose tiles the adapter can run, in their order: largest first. On a CPU that plays
 * GPU smallest first, which wastes least of its time on what lies outside small matrices.
 */
export function fitting(
  adapter: AdapterDescription,
  variants: readonly Variant[],
  tileOf: (variant: Variant) => Tile,
): readonly [Variant, ...Variant[]] {
  const usable = variants.filter((variant) => fits(adapter, tileOf(variant)));
  const [best = {}, ...rest] = adapter.software ? usable.toReversed() : usable;
  return [best, ...rest];
}

/** Workgroups across and down for a product; at least one. */
export function gridFor({ m, n }: Sides, tile: Tile): [number, number, 1] {
  return [Math.ceil(n / tile.columns), Math.ceil(m / tile.rows), 1];
}

/**
 * Of variants from large to small tiles the first that gives a large GPU enough workgroups, or the
 * one that gives most: a large tile reads less, but only where every multiprocessor has one.
 */
export function variantFor(
  sides: Sides,
  variants: readonly [Variant, ...Variant[]],
  tileOf: (variant: Variant) => Tile,
): Variant {
  const groups = (variant: Variant): number => {
    const [across, down] = gridFor(sides, tileOf(variant));
    return across * down;
  };
  const plenty = variants.find((variant) => groups(variant) >= PLENTY_OF_WORKGROUPS);
  return plenty ?? variants.reduce((most, next) => (groups(next) > groups(most) ? next : most));
}

/** The side, a multiple of 64, of square matrices that each fit into one of the adapter's buffers. */
export function limitedSide(
  side: number,
  { limits }: AdapterDescription,
  bytesPerElement: number,
): number {
  const bytes = Math.min(
    limits["maxStorageBufferBindingSize"] ?? DEFAULT_BINDING_BYTES,
    limits["maxBufferSize"] ?? DEFAULT_BUFFER_BYTES,
  );
  const most = Math.floor(Math.sqrt(bytes / bytesPerElement) / 64) * 64;
  return Math.min(side, most);
}
