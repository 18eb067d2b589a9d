import { mean, variance } from "d3-array";
import type { ProcessSample } from "../model/sample.ts";
import type { ShareBasis, UnexplainedUse } from "../model/slice.ts";
import { isUnexplained, unexplainedUse } from "./claims.ts";
import { toldWithin, type Window } from "../model/window.ts";
import type { Interval } from "./intervals.ts";
import { type OwnerClaim, type Owners, visibleUse } from "./listed.ts";

/**
 * A process may have ended just before a list was read, and its use still show: drivers report what
 * was over the last second at most. So the device must still be so used after that.
 */
const SHOWS_FOR_MS = 1000;
/**
 * Use of those who are seen is sampled at other moments than the device's, and both swing: fewer
 * lists are chance.
 */
const LISTS_BESIDE = 3;
/** So many standard errors of the means are left to chance. */
const STANDARD_ERRORS = 2;

/** What a window lies in: lists and intervals before and after it too. */
export interface Surroundings {
  window: Window;
  lists: readonly ProcessSample[];
  intervals: readonly Interval[];
}

/** What one list says of the intervals that it speaks for. */
interface Heard {
  seen: ProcessSample;
  /** Milliseconds of them in which the device was used beyond what the list explains. */
  overMs: number;
  deviceMs: number;
  visibleMs: number;
}

/**
 * Whether use that no visible process explains is suspicious, or only a matter of time: a list speaks
 * for seconds in which processes come and go. A list counts against its device where that was used
 * beyond what the list explains at the very moment it was read; and most of the lists of a window
 * that were read at work must. Where some processes are seen, several lists must, and the use of
 * the whole window must be as far apart on the mean.
 */
export class Suspicion {
  private readonly heard = new Map<number, Heard>();
  private readonly window: Window;
  private readonly lists: readonly ProcessSample[];
  private readonly intervals: readonly Interval[];
  private readonly useOf: (interval: Interval) => number | undefined;
  private readonly owners: Owners;
  private hidden: UnexplainedUse | undefined;

  /**
   * @param lists of the window and around it, in time order
   * @param intervals the same
   * @param useOf the device's own use in an interval, less the agent's; undefined where not measured
   */
  constructor(
    { window, intervals, lists }: Surroundings,
    useOf: (interval: Interval) => number | undefined,
    owners: Owners,
  ) {
    this.window = window;
    this.lists = lists;
    this.intervals = intervals;
    this.useOf = useOf;
    this.owners = owners;
  }

  /** A list speaks for `timeMs` of a busy interval, by which `claims` are made. */
  look(
    seen: ProcessSample,
    interval: Interval,
    timeMs: number,
    claims: readonly OwnerClaim[],
  ): void {
    const use = this.useOf(interval) ?? 0;
    const unlisted = claims.find(({ basis }) => basis === "hidden-process");
    if (unlisted) this.noteHidden(seen, timeMs, use, unlisted.pids);
    const heard = this.heard.get(seen.atMs) ?? { seen, overMs: 0, deviceMs: 0, visibleMs: 0 };
    this.heard.set(seen.atMs, heard);
    const { rest, visible } = unexplainedUse(seen, use, this.owners);
    if (!isUnexplained(rest)) return;
    heard.overMs += timeMs;
    heard.deviceMs += use * timeMs;
    heard.visibleMs += visible * timeMs;
  }

  /** What is suspicious of nobody's shares, by what they rest on. */
  found(): ReadonlyMap<ShareBasis, UnexplainedUse> {
    const found = new Map<ShareBasis, UnexplainedUse>();
    if (this.hidden) found.set("hidden-process", this.hidden);
    const all = [...this.heard.values()].map((heard) => ({
      ...heard,
      isAgainst: heard.overMs > 0 ? this.isAgainst(heard.seen) : false,
    }));
    const against = all.filter(({ isAgainst }) => isAgainst === true);
    const known = all.filter(({ isAgainst }) => isAgainst !== undefined);
    if (against.length * 2 <= known.length) return found;
    const beside = against.filter(({ seen }) => seen.list.length > 0);
    const isSure = beside.length < against.length - beside.length;
    if (isSure || (against.length >= LISTS_BESIDE && isUnexplained(this.leastRest())))
      found.set("nobody-seen", summed(against));
    return found;
  }

  /**
   * By how much the device's mean use exceeds that of those who were seen, over the whole window: the
   * least that both means leave open.
   */
  private leastRest(): number {
    const { intervals, window } = this;
    const device = intervals.flatMap((each) =>
      each.fromMs < window.toMs && each.toMs > window.fromMs ? (this.useOf(each) ?? []) : [],
    );
    const seen = toldWithin(this.lists, window).map(visibleUse);
    const [meanDevice, meanSeen] = [mean(device), mean(seen)];
    if (meanDevice === undefined || meanSeen === undefined) return 0;
    const error = Math.sqrt(errorOf(device) + errorOf(seen));
    return meanDevice - meanSeen - STANDARD_ERRORS * error;
  }

  /**
   * Whether a list was read while the device was used by more than it explains: in the interval in
   * which it was read, and in all that reach into the second after it. Undefined where not all of
   * these are there, or the device did nothing then.
   */
  private isAgainst(seen: ProcessSample): boolean | undefined {
    const untilMs = seen.atMs + SHOWS_FOR_MS;
    const around = this.intervals.filter(
      ({ fromMs, toMs }) => toMs >= seen.atMs && fromMs < untilMs,
    );
    const [first, last] = [around[0], around.at(-1)];
    if (!first || !last || first.fromMs > seen.atMs || last.toMs < untilMs) return undefined;
    if (around.every(({ activity }) => activity !== "busy")) return undefined;
    return around.every((interval) => {
      const use = this.useOf(interval) ?? 0;
      return isUnexplained(unexplainedUse(seen, use, this.owners).rest);
    });
  }

  private noteHidden(
    seen: ProcessSample,
    timeMs: number,
    use: number,
    pids: readonly number[],
  ): void {
    const before = this.hidden;
    const overMs = (before?.overMs ?? 0) + timeMs;
    if (overMs === 0) return;
    const isNew = before?.lastListAtMs !== seen.atMs;
    this.hidden = {
      deviceUse: ((before?.deviceUse ?? 0) * (overMs - timeMs) + use * timeMs) / overMs,
      visibleUse: 0,
      overMs,
      lists: (before?.lists ?? 0) + (isNew ? 1 : 0),
      lastListAtMs: seen.atMs,
      listed: seen.list.length,
      unlistedPids: [...new Set([...(before?.unlistedPids ?? []), ...pids])].sort((a, b) => a - b),
    };
  }
}

/** The square of the standard error of a mean; nothing is known of it from one value. */
function errorOf(values: readonly number[]): number {
  return (variance(values) ?? 1) / Math.max(1, values.length);
}

function summed(all: readonly Heard[]): UnexplainedUse {
  const sum = (of: (heard: Heard) => number): number => all.reduce((to, each) => to + of(each), 0);
  const overMs = sum((heard) => heard.overMs);
  const last = all.at(-1)?.seen;
  return {
    deviceUse: sum(({ deviceMs }) => deviceMs) / overMs,
    visibleUse: Math.min(1, sum(({ visibleMs }) => visibleMs) / overMs),
    overMs,
    lists: all.length,
    lastListAtMs: last?.atMs ?? 0,
    listed: last?.list.length ?? 0,
    unlistedPids: [],
  };
}
