import type { Calibration, KernelFamily } from "../model/calibration.ts";
import type { GpuQuantity } from "../model/sample.ts";
import type { ReferenceComparison } from "../model/signature.ts";

/**
 * The quantities that tell kinds of work apart, and the smallest range between rest and the
 * highest reference that is more than a sensor's noise: watts, megahertz, shares of time.
 */
const MIN_RANGE = {
  powerWatts: 5,
  smClockMHz: 30,
  memUtil: 0.03,
  smActive: 0.03,
  smOccupancy: 0.03,
  tensorActive: 0.02,
  dramActive: 0.02,
  intActive: 0.02,
  fp64Active: 0.02,
  fp32Active: 0.02,
  fp16Active: 0.02,
} as const satisfies Partial<Record<GpuQuantity, number>>;

export type ReferenceQuantity = keyof typeof MIN_RANGE;
export const REFERENCE_QUANTITIES: readonly ReferenceQuantity[] = [
  "powerWatts",
  "smClockMHz",
  "memUtil",
  "smActive",
  "smOccupancy",
  "tensorActive",
  "dramActive",
  "intActive",
  "fp64Active",
  "fp32Active",
  "fp16Active",
];

/** Readings of one moment or their means: what is not measured is absent. */
export type Levels = { readonly [Q in ReferenceQuantity]?: number | undefined };

/** What one reference kernel did to this device. */
export interface KernelReference {
  kernel: string;
  family: KernelFamily;
  levels: Levels;
}

/** One device's scale of references: where it rests, and where each kernel takes it. */
export interface ReferenceScale {
  idle: Levels;
  kernels: readonly KernelReference[];
  /** Unix milliseconds of the oldest of the calibrations that it is made of. */
  sinceMs: number;
}

/** Two devices could agree in one quantity by chance. */
const MIN_QUANTITIES = 2;

/** The scale of a device from its own calibrations; undefined where there is none of a real GPU. */
export function referenceScale(calibrations: readonly Calibration[]): ReferenceScale | undefined {
  const kernels = calibrations.flatMap(({ kernel, family, telemetry, software }) =>
    software ? [] : [{ kernel, family: family ?? familyByName(kernel), levels: pick(telemetry) }],
  );
  if (kernels.length === 0) return undefined;
  const rests = calibrations.map(({ baseline }) => pick(baseline));
  const idle = Object.fromEntries(
    REFERENCE_QUANTITIES.flatMap((quantity) => {
      const values = rests.flatMap((rest) => rest[quantity] ?? []);
      // Clocks and power fall to rest slowly: the lowest of several looks was the most at rest.
      return values.length === 0 ? [] : [[quantity, Math.min(...values)]];
    }),
  );
  return { idle, kernels, sinceMs: Math.min(...calibrations.map(({ atMs }) => atMs)) };
}

/**
 * Where a value lies between this device's rest (0) and a kernel's reference (1); beyond both is
 * possible. Undefined where either was not measured, or the kernel hardly moves the quantity.
 */
export function coordinate(
  scale: ReferenceScale,
  kernel: KernelReference,
  quantity: ReferenceQuantity,
  value: number | undefined,
): number | undefined {
  const [rest, reference] = [scale.idle[quantity], kernel.levels[quantity]];
  if (value === undefined || rest === undefined || reference === undefined) return undefined;
  if (reference - rest < MIN_RANGE[quantity]) return undefined;
  return (value - rest) / (reference - rest);
}

/** The reference of a family that draws most: the most that such work takes of this device. */
export function hungriest(
  scale: ReferenceScale,
  family: KernelFamily,
): KernelReference | undefined {
  const ofFamily = scale.kernels.filter(
    (each) => each.family === family && each.levels.powerWatts !== undefined,
  );
  const watts = ({ levels }: KernelReference): number => levels.powerWatts ?? 0;
  return ofFamily.toSorted((a, b) => watts(b) - watts(a))[0];
}

/**
 * How far a window is from each reference kernel, the nearest first. Every quantity is put on the
 * device's own range, 0 at rest and 1 at the highest of its references; the distance is the root
 * mean square of the differences, so 0 is the same work by every measure and 1 is as far apart as
 * rest and full load. Kernels with fewer than two common quantities are left out.
 */
export function compareWithReferences(
  scale: ReferenceScale,
  levels: Levels,
): ReferenceComparison[] {
  const ranges = REFERENCE_QUANTITIES.map((quantity) => rangeOf(scale, quantity));
  return scale.kernels
    .flatMap((kernel) => {
      const squares = ranges.flatMap((range) => {
        const [own, reference] = [levels[range.quantity], kernel.levels[range.quantity]];
        if (range.size === undefined || own === undefined || reference === undefined) return [];
        return [((own - reference) / range.size) ** 2];
      });
      if (squares.length < MIN_QUANTITIES) return [];
      const distance = Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / squares.length);
      return [
        { kernel: kernel.kernel, family: kernel.family, distance, quantities: squares.length },
      ];
    })
    .toSorted((a, b) => a.distance - b.distance || (a.kernel < b.kernel ? -1 : 1));
}

/** From rest to the highest reference; undefined where that is no more than noise. */
function rangeOf(
  scale: ReferenceScale,
  quantity: ReferenceQuantity,
): { quantity: ReferenceQuantity; size: number | undefined } {
  const rest = scale.idle[quantity];
  const tops = scale.kernels.flatMap(({ levels }) => levels[quantity] ?? []);
  if (rest === undefined || tops.length === 0) return { quantity, size: undefined };
  const size = Math.max(...tops) - rest;
  return { quantity, size: size < MIN_RANGE[quantity] ? undefined : size };
}

function pick(readings: Readonly<Record<string, number>>): Levels {
  return Object.fromEntries(
    REFERENCE_QUANTITIES.flatMap((quantity) => {
      const value = readings[quantity];
      return value === undefined ? [] : [[quantity, value]];
    }),
  );
}

/** Records of the first version do not say: it had two kernels. */
function familyByName(kernel: string): KernelFamily {
  return kernel.startsWith("matmul") ? "matmul" : "hash";
}
