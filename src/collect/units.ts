export const MIB = 1024 * 1024;

/** A figure in another unit, both bounds included; undefined where it lies outside and cannot be true. */
export const within = (low: number, high: number, scale: number) => (value: number) =>
  value >= low && value <= high ? value * scale : undefined;
