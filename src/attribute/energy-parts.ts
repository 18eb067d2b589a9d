import { splitExactly } from "../model/split.ts";

/** One owner's part of an interval. */
export interface EnergyPart {
  /** Its owner's: ties go by it, so that the order of processes never matters. */
  key: string;
  energyMj: number | undefined;
  /** Of nobody: what the device draws then, it draws anyway. */
  isIdle: boolean;
}

/**
 * What the device would have drawn anyway, divided among the parts of an interval. Time and energy
 * were divided alike, so each part's idle energy is in proportion to both, and no more than its
 * energy; the parts of those who worked sum to `idleMj` exactly.
 * @param idleMj of the whole interval and no more than its energy; undefined where unknown
 */
export function idleParts(
  parts: readonly EnergyPart[],
  idleMj: number | undefined,
): (number | undefined)[] {
  const split =
    idleMj === undefined
      ? undefined
      : splitExactly(
          BigInt(idleMj),
          parts.map(({ key, energyMj = 0 }) => ({ key, weight: BigInt(energyMj) })),
        );
  return parts.map(({ energyMj, isIdle }, i) => {
    if (energyMj === undefined) return undefined;
    // No energy has no idle part, whether or not anybody knows what the device draws at rest.
    if (isIdle || energyMj === 0) return energyMj;
    const part = split?.[i];
    return part === undefined ? undefined : Number(part);
  });
}
