/** What is known of a sender's clock. */
export interface SkewEstimate {
  /** Milliseconds that its clock is ahead of this node's; below 0 it is behind. */
  skewMs: number;
  /** The truth lies between these, as far as anybody can tell. */
  fromMs: number;
  toMs: number;
  /** `its clock is 3600 s ahead of this node's (3600 to 3630 s), by 5 deliveries`. */
  text: string;
}

/** Words take this long from event to arrival: exporters gather them for so long, and no longer. */
export const MAX_DELIVERY_MS = 30_000;
/** Not worth correcting, and within what two good clocks differ. */
const MIN_SKEW_MS = 2000;
/** What is further off is no clock but old news. */
const MAX_SKEW_MS = 86_400_000;
const WINDOW_MS = 600_000;
const MAX_DELIVERIES = 64;
/** A clock that is behind looks like slow delivery: it has to look so steadily, and for so long. */
const MIN_BEHIND_DELIVERIES = 3;
const MIN_BEHIND_MS = 20_000;
const STEADY_MS = 15_000;

interface Delivery {
  atMs: number;
  /** The newest event of it, minus when it came: skew minus delay. */
  aheadMs: number;
}

/** A start of the sender's own process that its words contradict, or bound. */
interface Bound {
  atMs: number;
  skewMs: number;
}

/**
 * How far one sender's clock is off. An event cannot arrive before it happened, so the newest event of a
 * delivery minus the time it came is skew less the delay of delivery; over many deliveries the envelope
 * of it is the skew less the shortest delay. A process cannot do anything before it starts, which bounds
 * the skew from above. Where the two leave room for no skew at all, none is said. Pure.
 */
export class SkewEstimator {
  #deliveries: Delivery[] = [];
  #bounds: Bound[] = [];

  /** @param newestEventMs by the sender's clock; @param atMs when it came, by this node's */
  delivered(newestEventMs: number, atMs: number): void {
    const aheadMs = newestEventMs - atMs;
    if (Math.abs(aheadMs) > MAX_SKEW_MS) return;
    const last = this.#deliveries.at(-1);
    // Parts of one delivery are one.
    if (last?.atMs === atMs) last.aheadMs = Math.max(last.aheadMs, aheadMs);
    else this.#deliveries.push({ atMs, aheadMs });
    this.#deliveries = recent(this.#deliveries, atMs);
  }

  /** A process of the sender's started at `startMs` by this node's clock, before `eventMs` by its own. */
  started(startMs: number, eventMs: number, atMs: number): void {
    const skewMs = eventMs - startMs;
    if (skewMs < -MAX_SKEW_MS) return;
    this.#bounds.push({ atMs, skewMs });
    this.#bounds = recent(this.#bounds, atMs);
  }

  /** Undefined where nothing contradicts that the clock is right. */
  estimate(): SkewEstimate | undefined {
    const sound = withoutOutliers(this.#deliveries);
    if (sound.length === 0) return undefined;
    const lowMs = Math.max(...sound.map(({ aheadMs }) => aheadMs));
    const limitMs = lowMs + MAX_DELIVERY_MS;
    // A bound below the envelope is another process's: that pid was somebody else's, or in a namespace.
    const bounds = this.#bounds.filter(({ skewMs }) => skewMs >= lowMs && skewMs < limitMs);
    const isBounded = bounds.length > 0;
    const highMs = isBounded ? Math.min(...bounds.map(({ skewMs }) => skewMs)) : limitMs;
    if (lowMs <= MIN_SKEW_MS && highMs >= -MIN_SKEW_MS) return undefined;
    // An old file that is read looks like a clock that is behind, but its lag shrinks or jumps.
    if (!isBounded && highMs < 0 && !isSteady(sound)) return undefined;
    const skewMs = Math.round(isBounded ? (lowMs + highMs) / 2 : lowMs);
    const text = textOf({ skewMs, fromMs: lowMs, toMs: highMs }, sound.length, bounds.length);
    return { skewMs, fromMs: lowMs, toMs: highMs, text };
  }
}

function recent<T extends { atMs: number }>(all: readonly T[], nowMs: number): T[] {
  return all.filter(({ atMs }) => atMs > nowMs - WINDOW_MS).slice(-MAX_DELIVERIES);
}

/** One event with a time in the future, by mistake or on purpose, must not move everything else. */
function withoutOutliers(deliveries: readonly Delivery[]): Delivery[] {
  const sorted = deliveries.map(({ aheadMs }) => aheadMs).sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) return [];
  return deliveries.filter(({ aheadMs }) => aheadMs <= middle + 2 * MAX_DELIVERY_MS);
}

/** Whether the envelope was the same in both halves of the time, and there was enough of it. */
function isSteady(deliveries: readonly Delivery[]): boolean {
  const [first, last] = [deliveries[0], deliveries.at(-1)];
  if (!first || !last || deliveries.length < MIN_BEHIND_DELIVERIES) return false;
  if (last.atMs - first.atMs < MIN_BEHIND_MS) return false;
  const middle = Math.ceil(deliveries.length / 2);
  const envelopes = [deliveries.slice(0, middle), deliveries.slice(middle)].map((half) =>
    Math.max(...half.map(({ aheadMs }) => aheadMs)),
  );
  return Math.abs((envelopes[0] ?? 0) - (envelopes[1] ?? 0)) <= STEADY_MS;
}

function textOf(
  { skewMs, fromMs, toMs }: Omit<SkewEstimate, "text">,
  deliveries: number,
  bounds: number,
): string {
  const seconds = (ms: number): string => `${(Math.abs(ms) / 1000).toFixed(1)} s`;
  const side = skewMs > 0 ? "ahead of" : "behind";
  const range = [fromMs, toMs].map(Math.abs).sort((a, b) => a - b);
  const by = bounds > 0 ? `, and by ${bounds} process starts` : "";
  return (
    `its clock is ${seconds(skewMs)} ${side} this node's (${seconds(range[0] ?? 0)} to ` +
    `${seconds(range[1] ?? 0)}), by ${deliveries} deliveries${by}`
  );
}
