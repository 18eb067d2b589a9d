import type { HostSample, LaunchSample, ProcessSample, ProcessSighting } from "../model/sample.ts";
import { CONTEXT_MS, type Signature } from "../model/signature.ts";
import { toldWithin, type Window } from "../model/window.ts";
import { burstFeatures, RESTING_SHARE } from "./bursts.ts";
import { launchFeatures } from "./launches.ts";
import { ratio } from "./readings.ts";
import { type BinEdges, decided } from "./share-bounds.ts";
import { treeSize } from "./share-tree.ts";
import { belonging, type ProcessIdentity, type SecondOfUse, useBySecond } from "./share-use.ts";
import { mean, spread } from "./statistics.ts";

export interface ShareInput {
  window: Window;
  /** Process lists of the device over {@link CONTEXT_MS} before the window's end, in any order. */
  processes: readonly ProcessSample[];
  /** The owner's processes among them. */
  own: readonly ProcessIdentity[];
  /** Of processes on this device; those of other pids are left out. */
  launches?: readonly LaunchSample[] | undefined;
  /** The newest list of processes beside the device's holders. */
  host?: HostSample | undefined;
  /** Of the device. */
  memoryBytes?: number | undefined;
  /** Edges of the bins that the values will be read in: bounds across one decide nothing. */
  edges?: BinEdges | undefined;
}

/** Fewer readings have no spread, no share of zeros and no course worth the name. */
const MIN_READINGS = 4;
/** Use is told in whole per cent: below a mean of this, rounding alone moves a quotient by a bin. */
const MIN_USE_FOR_QUOTIENT = 0.1;
/** Beyond this sum of shares, processes ran at once (MPS): then they are no shares of time. */
const MAX_SUM_OF_SHARES = 1.1;
/** Beginnings are told to the second: spaces shorter than this look uneven by that alone. */
const MIN_BURST_SPACE_SECONDS = 4;

/**
 * Features of one owner's work in a window that he shares with others, from what is told of his own
 * processes alone, on the scale of the device's features: an owner who has the device to himself gets
 * what the device gets. What only the device as a whole has (power, units, links, lockstep) is absent.
 */
export function shareFeatures(input: ShareInput): Signature["features"] {
  const { window, processes } = input;
  const context = toldWithin(processes, { fromMs: window.toMs - CONTEXT_MS, toMs: window.toMs });
  const isOwn = belonging(input.own, context);
  const lists = toldWithin(context, window);
  const uses = useBySecond(context, isOwn);
  const usesInside = secondsOf(uses, window);
  return {
    gpuUtilSpread: useSpread(usesInside, input.edges),
    zeroUtilShare: zeroShare(usesInside),
    memPerUtil: memoryPerUse(lists, isOwn, usesInside),
    ...burstsOf(uses),
    ...memoryHeld(lists, context, isOwn, input.memoryBytes),
    ...launchFeatures(ownLaunches(input.launches ?? [], context, isOwn), window),
    ...processFeatures(lists, input.host, isOwn),
  };
}

function secondsOf(uses: readonly SecondOfUse[], { fromMs, toMs }: Window): SecondOfUse[] {
  return uses.filter(({ second }) => second * 1000 > fromMs && second * 1000 <= toMs);
}

/**
 * Spread of the use that the owner asked for. Who works without pause beside others reads a half, and
 * a half that swings with what the others leave: neither his reading nor its quotient by what they
 * left is what he asked for, but one is its lower and the other its upper bound. (Work that waits for
 * nothing but itself would take `own` of the time alone; work that begins anew when it is done has
 * waited at most for what the others had, so alone it would take `own / (1 - others)` at most.) The
 * spread of what lies between is the spread of the middles, give or take half the root mean square
 * distance of the bounds. Given where that decides; beside a neighbour who fills the device it cannot.
 */
function useSpread(uses: readonly SecondOfUse[], edges: BinEdges | undefined): number | undefined {
  const known = uses.flatMap(({ own, others }) =>
    own === undefined || others === undefined ? [] : [{ own, others }],
  );
  if (known.length < MIN_READINGS || !areShares(known)) return undefined;
  const asked = known.map(({ own, others }) => {
    const lower = Math.min(1, own);
    return { lower, upper: own === 0 ? 0 : others >= 1 ? 1 : Math.min(1, own / (1 - others)) };
  });
  const middle = spread(asked.map(({ lower, upper }) => (lower + upper) / 2)) ?? 0;
  const squares = asked.map(({ lower, upper }) => (upper - lower) ** 2);
  const doubt = Math.sqrt(mean(squares) ?? 0) / 2;
  const bounds = { lower: Math.max(0, middle - doubt), upper: middle + doubt };
  return doubt === 0 ? middle : decided(bounds, edges?.gpuUtilSpread);
}

/** Whether the readings can be shares of one device's time. */
function areShares(known: readonly { own: number; others: number }[]): boolean {
  return (mean(known.map(({ own, others }) => own + others)) ?? 0) <= MAX_SUM_OF_SHARES;
}

/**
 * Seconds in which he did nothing. However busy the others are, who asks gets his turn within
 * milliseconds, so nothing used is nothing asked.
 */
function zeroShare(uses: readonly SecondOfUse[]): number | undefined {
  const own = uses.flatMap((each) => each.own ?? []);
  return own.length < MIN_READINGS ? undefined : mean(own.map((use) => (use === 0 ? 1 : 0)));
}

/**
 * The rhythm of his own beginnings; of work that rests. A burst shorter than the second in which it
 * is told, or a rest, does not show.
 */
function burstsOf(uses: readonly SecondOfUse[]): ReturnType<typeof burstFeatures> {
  const known = uses.filter(({ own }) => own !== undefined);
  const resting = known.filter(({ own }) => own === 0).length;
  if (resting <= RESTING_SHARE * known.length) return {};
  const buckets = known.map(({ second, own }) => {
    const busy = own === 0 ? 0 : 1;
    return { number: second, busy, resting: 1 - busy };
  });
  const { burstsPerMinute, burstRegularity } = burstFeatures(buckets, 1000);
  const isTold = (burstsPerMinute ?? Infinity) <= 60 / MIN_BURST_SPACE_SECONDS;
  return { burstsPerMinute, burstRegularity: isTold ? burstRegularity : undefined };
}

/**
 * Of the time his kernels ran, the share in which the memory was busy for him. Both are told for the
 * same stretches of the same turns, so what the others took falls out of the quotient; that the
 * driver books memory traffic to the process whose turn it is was not verified on a device.
 */
function memoryPerUse(
  lists: readonly ProcessSample[],
  isOwn: (sighting: ProcessSighting) => boolean,
  uses: readonly SecondOfUse[],
): number | undefined {
  const known = uses.flatMap(({ own, others }) => (own ? [{ own, others: others ?? 0 }] : []));
  const inUse = mean(known.map(({ own }) => own)) ?? 0;
  if (inUse < MIN_USE_FOR_QUOTIENT || !areShares(known)) return undefined;
  let [memory, sm] = [0, 0];
  for (const process of lists.flatMap(({ list }) => list)) {
    if (process.smUtil === undefined || process.memUtil === undefined || !isOwn(process)) continue;
    memory += process.memUtil;
    sm += process.smUtil;
  }
  const quotient = ratio(memory, sm);
  return quotient === undefined ? undefined : Math.min(1, quotient);
}

/** Without what the driver itself and the others' contexts hold, which the device's own figure has. */
function memoryHeld(
  lists: readonly ProcessSample[],
  context: readonly ProcessSample[],
  isOwn: (sighting: ProcessSighting) => boolean,
  memoryBytes: number | undefined,
): Pick<Signature["features"], "memUsedShare" | "memHeldVariation"> {
  const held = (among: readonly ProcessSample[]): number[] =>
    among.flatMap(({ list }) => heldIn(list.filter((each) => isOwn(each))) ?? []);
  const all = held(context);
  const span = Math.max(...all) - Math.min(...all);
  return {
    memUsedShare: ratio(mean(held(lists)), memoryBytes),
    memHeldVariation: all.length < MIN_READINGS ? undefined : ratio(span, memoryBytes),
  };
}

/** Undefined where nobody is there, or the memory of one of them was not told. */
function heldIn(own: readonly ProcessSighting[]): number | undefined {
  let sum = 0;
  for (const { memUsedBytes } of own) {
    if (memUsedBytes === undefined) return undefined;
    sum += memUsedBytes;
  }
  return own.length === 0 ? undefined : sum;
}

/**
 * Launches of his own processes. Traces carry a pid and no start time: it is of whoever last began
 * under that pid by then. Beside others he launches as fast as they let him, so the rate is a lower
 * bound of what he would do alone; variety is not touched by it.
 */
function ownLaunches(
  launches: readonly LaunchSample[],
  lists: readonly ProcessSample[],
  isOwn: (sighting: ProcessSighting) => boolean,
): LaunchSample[] {
  if (launches.length === 0) return [];
  const bearers = new Map<number, ProcessSighting[]>();
  for (const process of lists.flatMap(({ list }) => list)) {
    if (process.exited) continue;
    const known = bearers.get(process.pid) ?? [];
    if (!known.some((each) => each.startTimeMs === process.startTimeMs)) known.push(process);
    bearers.set(process.pid, known);
  }
  return launches.filter(({ pid, atMs }) => {
    const began = (bearers.get(pid) ?? []).filter((each) => (each.startTimeMs ?? 0) <= atMs);
    const last = began.sort((a, b) => (b.startTimeMs ?? 0) - (a.startTimeMs ?? 0))[0];
    return last !== undefined && isOwn(last);
  });
}

/** How many processes hold the device for somebody, and how many helpers each of them has. */
export function processFeatures(
  lists: readonly ProcessSample[],
  host: HostSample | undefined,
  isOwn: (sighting: ProcessSighting) => boolean,
): Pick<Signature["features"], "processCount" | "treeProcesses"> {
  const newestMs = Math.max(...lists.map(({ atMs }) => atMs));
  const newest = lists.filter(({ atMs }) => atMs === newestMs).flatMap(({ list }) => list);
  const holders = newest.filter(({ exited }) => !exited);
  const count = new Set(holders.filter((each) => isOwn(each)).map(({ pid }) => pid)).size;
  if (count === 0) return {};
  const size = host && treeSize(host.list, holders, isOwn);
  return { processCount: count, treeProcesses: ratio(size, count) };
}
