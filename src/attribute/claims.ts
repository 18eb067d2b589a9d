import type { ProcessSample } from "../model/sample.ts";
import { listedClaims, nobody, type OwnerClaim, type Owners, restClaims } from "./listed.ts";

/**
 * Per-process use is sampled by the driver at other moments than the device's, so small differences
 * are noise: only use beyond this is called unexplained.
 */
const UNEXPLAINED_ABOVE = 0.2;

/** @param rest use of the device less that of those who were seen, 0..1 */
export function isUnexplained(rest: number): boolean {
  return rest > UNEXPLAINED_ABOVE;
}

/**
 * Who has which claim on a busy interval of a device.
 * @param seen the process list that speaks for the interval; undefined where nothing looked
 * @param gpuUtil the device's own utilisation, 0..1, less what the agent's launches explain
 */
export function claimsOn(
  seen: ProcessSample | undefined,
  gpuUtil: number | undefined,
  owners: Owners,
): readonly OwnerClaim[] {
  if (!seen) return [nobody(1, "no-process-source")];
  const whoever = seen.partial ? "partial-list" : "nobody-seen";
  if (seen.list.length === 0) return [nobody(1, whoever)];
  const { claims, used, unmeasured, hasMps } = listedClaims(seen, owners);
  const rest = used === undefined ? 0 : (gpuUtil ?? 0) - used;
  if (!isUnexplained(rest)) return claims;
  if (unmeasured.length > 0) return [...claims, ...restClaims(unmeasured, rest, owners)];
  // Clients of an MPS server may be in containers of which nothing shows here.
  return [...claims, nobody(rest, hasMps ? "mps-server-only" : whoever)];
}

/**
 * How far a device is used beyond what a list explains, 0..1; 0 where it explains all, or where
 * somebody whose use is not told may have been at work.
 */
export function unexplainedUse(
  seen: ProcessSample,
  gpuUtil: number,
  owners: Owners,
): { rest: number; visible: number } {
  if (seen.partial) return { rest: 0, visible: 0 };
  if (seen.list.length === 0) return { rest: gpuUtil, visible: 0 };
  const { used, unmeasured, hasMps } = listedClaims(seen, owners);
  if (used === undefined || unmeasured.length > 0 || hasMps) return { rest: 0, visible: used ?? 0 };
  return { rest: Math.max(0, gpuUtil - used), visible: used };
}
