import type { AdapterDescription } from "../protocol.ts";
import type { Variant } from "./variant.ts";

/** The smallest limits that WebGPU lets a device have: assumed where an adapter tells none. */
const SMALLEST = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 2 ** 14,
} as const;
export type LimitName = keyof typeof SMALLEST;

export function limitOf({ limits }: AdapterDescription, name: LimitName): number {
  return limits[name] ?? SMALLEST[name];
}

/** Bytes that one storage buffer can have and a shader see. */
export function storageBytes(adapter: AdapterDescription): number {
  const binding = limitOf(adapter, "maxStorageBufferBindingSize");
  return Math.min(binding, limitOf(adapter, "maxBufferSize"));
}

/** The largest power of two of bytes that one storage buffer can have, up to `wanted`, itself one. */
export function tableBytes(adapter: AdapterDescription, wanted: number): number {
  const most = Math.max(1, storageBytes(adapter));
  return Math.min(wanted, 2 ** Math.floor(Math.log2(most)));
}

/** In words for people, that a buffer of `least` bytes is not to be had; undefined where it is. */
export function lacksStorage(adapter: AdapterDescription, least: number): string | undefined {
  const most = storageBytes(adapter);
  return most < least ? `a buffer has at most ${most} bytes, and ${least} are needed` : undefined;
}

/** The same of a workgroup of the smallest of `sizes`. */
export function lacksWorkgroup(
  adapter: AdapterDescription,
  sizes: readonly number[],
): string | undefined {
  const least = Math.min(...sizes);
  const most = workgroupSize(adapter);
  return most < least
    ? `a workgroup has at most ${most} invocations, and ${least} are needed`
    : undefined;
}

/** Each of `sizes` that the adapter takes as WORKGROUP, with each of `others`; the first is the guess. */
export function workgroupVariants(
  adapter: AdapterDescription,
  sizes: readonly number[],
  others: readonly Variant[],
): readonly [Variant, ...Variant[]] {
  const most = workgroupSize(adapter);
  const [best, ...rest] = sizes
    .filter((size) => size <= most)
    .flatMap((WORKGROUP) => others.map((constants) => ({ WORKGROUP, ...constants })));
  // Where none fits the kernel is lacking anyway.
  return best ? [best, ...rest] : [{ WORKGROUP: Math.min(...sizes), ...others[0] }];
}

function workgroupSize(adapter: AdapterDescription): number {
  const invocations = limitOf(adapter, "maxComputeInvocationsPerWorkgroup");
  return Math.min(invocations, limitOf(adapter, "maxComputeWorkgroupSizeX"));
}
