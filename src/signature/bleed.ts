import { ownerKey } from "../model/owner.ts";
import type { Signature } from "../model/signature.ts";
import type { Share } from "../model/slice.ts";
import { type BinEdges, type Bounds, decided } from "./share-bounds.ts";

/** Activities of the device that an owner's part can be bounded of. */
export const BOUNDED_ACTIVITIES = [
  "intActive",
  "tensorActive",
  "fp64Active",
  "dramActive",
] as const;

/**
 * Shares rest on readings in whole per cent that were taken at other moments than the device's: so
 * much of the busy time may have been another's.
 */
const SHARE_ERROR = 0.02;
/**
 * Copies over the bus move memory while somebody else's kernels run: no more of its time than the bus
 * is slower than the memory (both directions of PCIe 4.0 x16 beside GDDR6X: 64 of 1008 GB/s).
 */
const COPY_ERROR = 0.07;
/** NVLink is fast enough to fill the memory's time from outside: above this nothing is certain. */
const QUIET_NVLINK = 0.01;

/** How a share was found that rests on a measurement of use; the others are guesses. */
const MEASURED: ReadonlySet<string> = new Set<Share["basis"]>([
  "process-utilization",
  "sole-process",
  "partial-list",
  "nobody-seen",
  "hidden-process",
  "own-measurement",
]);
const NO_WORK: ReadonlySet<string> = new Set(["idle", "unobserved"]);

/**
 * Bounds of one owner's activity, of the device's busy time. A unit works for an owner only while his
 * kernels run: what the others had no time for was his, and he had no more than his time. True where
 * processes take turns on the device; where they run at once (MPS), shares of time are no such limit.
 * @param device activity of the whole device over its busy time, 0..1
 * @param ownShare, otherShare of the busy time; together 1
 * @param error how much of the busy time may be booked to the wrong one
 */
export function activityBounds(
  device: number,
  ownShare: number,
  otherShare: number,
  error = 0,
): Bounds {
  return {
    lower: Math.max(0, device - otherShare - error),
    upper: Math.min(device, ownShare + error),
  };
}

type Part = Pick<Signature["features"], (typeof BOUNDED_ACTIVITIES)[number]>;

/**
 * What follows for each owner from the activity of the device as a whole, relative to the owner's own
 * busy time: the value that the device would have shown, had all of its work been of this kind. Given
 * only where exclusion leaves no room for another reading. An owner who had the device to himself
 * gets the device's values.
 * @param shares of the window; the agent's own and the unattributed count as others, and the latter
 *   as an owner
 * @param edges of the bins the values will be read in
 * @returns by owner key; empty where several worked and any share was guessed
 */
export function bleed(
  features: Signature["features"],
  shares: readonly Share[],
  edges: BinEdges = {},
): Map<string, Part> {
  const busy = shares.filter(({ owner }) => !NO_WORK.has(owner.kind));
  const times = new Map<string, number>();
  let busyMs = 0;
  for (const { owner, timeMs } of busy) {
    times.set(ownerKey(owner), (times.get(ownerKey(owner)) ?? 0) + timeMs);
    busyMs += timeMs;
  }
  const found = new Map<string, Part>();
  if (busyMs === 0) return found;
  if (times.size > 1 && busy.some(({ basis }) => !MEASURED.has(basis))) return found;
  for (const [key, timeMs] of times)
    if (key !== "agent" && timeMs > 0)
      found.set(key, partOf(features, timeMs / busyMs, (busyMs - timeMs) / busyMs, edges));
  return found;
}

function partOf(
  features: Signature["features"],
  ownShare: number,
  otherShare: number,
  edges: BinEdges,
): Part {
  const part: Part = {};
  for (const feature of BOUNDED_ACTIVITIES) {
    const device = features[feature];
    if (device === undefined) continue;
    const isMemory = feature === "dramActive";
    if (isMemory && otherShare > 0 && (features.nvlinkLevel ?? 0) > QUIET_NVLINK) continue;
    const error = otherShare === 0 ? 0 : SHARE_ERROR;
    const copies = otherShare > 0 && isMemory ? COPY_ERROR : 0;
    const { lower, upper } = activityBounds(device, ownShare, otherShare, error + copies);
    const leastShare = Math.max(ownShare - error, 0);
    const relative = {
      lower: Math.min(1, lower / (ownShare + error)),
      upper: upper === 0 ? 0 : Math.min(1, upper / leastShare),
    };
    const value = decided(relative, edges[feature]);
    if (value !== undefined) part[feature] = value;
  }
  return part;
}
