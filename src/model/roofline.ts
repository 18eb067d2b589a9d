import { type Calibration, type Cost, RESOURCES, type Resource } from "./calibration.ts";

/** What the roofline needs of a measured kernel; a {@link Calibration} is one. */
export type RatedKernel = Pick<
  Calibration,
  "kernel" | "family" | "cost" | "measures" | "ratePerSecond" | "unit"
>;

/** What one device gives of one resource at most, and the kernel that showed it. */
export interface Ceiling {
  resource: Resource;
  /** Of the resource: operations or bytes. */
  perSecond: number;
  kernel: string;
}

/** What a kernel's rate could be at most, from the ceilings of what its work takes. */
export interface Bound {
  /** In the kernel's unit; absent where no ceiling of its resources was measured. */
  attainablePerSecond?: number | undefined;
  /** The resource that allows least. */
  resource?: Resource | undefined;
  /** Rate over what is attainable. Not clamped: see `aboveCeiling`. */
  fraction?: number | undefined;
  /** The kernel is faster than the ceiling: the cost is counted too high or the ceiling too low. */
  aboveCeiling: boolean;
  /** The binding ceiling is this kernel's own rate: the fraction is 1 by definition. */
  isCeiling: boolean;
  /** What its work takes and no kernel measured: each could bind tighter. */
  missing: readonly Resource[];
}

/** One kernel under the roof. */
export interface Placed<K extends RatedKernel = RatedKernel> {
  measured: K;
  bound: Bound;
  /** Of arithmetic, of any kind; absent where its work counts none. */
  operationsPerSecond?: number | undefined;
  /** Arithmetic intensity: operations for each byte of device memory; absent without either. */
  operationsPerByte?: number | undefined;
}

export interface Roofline<K extends RatedKernel = RatedKernel> {
  /** In the order of {@link RESOURCES}; a resource that nobody measured is absent. */
  ceilings: readonly Ceiling[];
  /** In the order given. */
  kernels: readonly Placed<K>[];
}

export const ARITHMETIC = [
  "int32-op",
  "f32-flop",
  "f16-flop",
  "tensor-flop",
  "int8-op",
] as const satisfies readonly Resource[];
export const DEVICE_MEMORY = ["memory-byte", "gather-byte"] as const satisfies readonly Resource[];

/** Rates are read back from text: what differs by less is the same rate. */
const SAME = 1e-9;

/**
 * The ceilings that these kernels of one device show, and where each of them stands below them
 * (Williams, Waterman and Patterson, "Roofline", 2009; here with a ceiling for each resource).
 */
export function rooflineOf<K extends RatedKernel>(kernels: readonly K[]): Roofline<K> {
  const ceilings = ceilingsOf(kernels);
  return { ceilings, kernels: kernels.map((measured) => placed(measured, ceilings)) };
}

/** Where two kernels measure one resource, the device gives what the faster one got. */
function ceilingsOf(kernels: readonly RatedKernel[]): Ceiling[] {
  return RESOURCES.flatMap((resource) => {
    const shown = kernels
      .filter(({ measures }) => measures === resource)
      .map(({ kernel, cost, ratePerSecond }) => {
        const perSecond = ratePerSecond * (amount(cost, resource) ?? 1);
        return { resource, perSecond, kernel };
      })
      .filter(({ perSecond }) => isPositive(perSecond));
    const [highest] = shown.toSorted((a, b) => b.perSecond - a.perSecond);
    return highest ? [highest] : [];
  });
}

function placed<K extends RatedKernel>(measured: K, ceilings: readonly Ceiling[]): Placed<K> {
  const { cost, ratePerSecond } = measured;
  const operations = sum(cost, ARITHMETIC);
  const bytes = sum(cost, DEVICE_MEMORY);
  return {
    measured,
    bound: boundOf(measured, ceilings),
    operationsPerSecond: operations === undefined ? undefined : operations * ratePerSecond,
    operationsPerByte:
      operations === undefined || bytes === undefined ? undefined : operations / bytes,
  };
}

function boundOf(measured: RatedKernel, ceilings: readonly Ceiling[]): Bound {
  const { cost, ratePerSecond } = measured;
  const limits: { ceiling: Ceiling; attainable: number }[] = [];
  const missing: Resource[] = [];
  for (const resource of RESOURCES) {
    // What measures a resource uses it, whether its cost says so or not.
    const each = amount(cost, resource) ?? (measured.measures === resource ? 1 : undefined);
    const ceiling = ceilings.find((known) => known.resource === resource);
    if (each !== undefined && ceiling)
      limits.push({ ceiling, attainable: ceiling.perSecond / each });
    else if (each !== undefined) missing.push(resource);
  }
  const [least] = limits.toSorted((a, b) => a.attainable - b.attainable);
  if (!least) return { aboveCeiling: false, isCeiling: false, missing };
  const { ceiling, attainable } = least;
  const fraction = ratePerSecond / attainable;
  return {
    attainablePerSecond: attainable,
    resource: ceiling.resource,
    fraction: Number.isFinite(fraction) ? fraction : undefined,
    aboveCeiling: fraction > 1 + SAME,
    isCeiling: ceiling.kernel === measured.kernel && ceiling.resource === measured.measures,
    missing,
  };
}

function sum(cost: Cost | undefined, resources: readonly Resource[]): number | undefined {
  const amounts = resources.flatMap((resource) => amount(cost, resource) ?? []);
  return amounts.length === 0 ? undefined : amounts.reduce((a, b) => a + b);
}

/** How much of a resource a unit of work takes; undefined where it takes none. */
function amount(cost: Cost | undefined, resource: Resource): number | undefined {
  const value = cost?.[resource];
  return value !== undefined && isPositive(value) ? value : undefined;
}

function isPositive(value: number): boolean {
  return value > 0 && Number.isFinite(value);
}
