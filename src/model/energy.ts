/** Energy is kept in integer millijoules, NVML's own unit: a safe integer up to 2.5 GWh. */
export type Millijoules = number;

/** `watts` held for `durationMs`, rounded to the millijoule (1 W for 1 ms is 1 mJ). */
export function energyOf(watts: number, durationMs: number): Millijoules {
  return Math.round(watts * durationMs);
}

/**
 * What a cumulative counter says was used between two readings.
 * Undefined when the counter went back (driver reloaded, device reset): then it says nothing.
 */
export function counterDifference(
  beforeJoules: number,
  afterJoules: number,
): Millijoules | undefined {
  const difference = Math.round(afterJoules * 1000) - Math.round(beforeJoules * 1000);
  return difference >= 0 ? difference : undefined;
}

const MJ_PER_KWH = 3_600_000_000;

export function kilowattHours(energyMj: Millijoules): number {
  return energyMj / MJ_PER_KWH;
}
