import type { DrmClient, EngineCounter } from "./fdinfo.ts";

/** What clients used of the engines between two looks. Pure: the time comes in as an argument. */

/** Share of time by engine, 0..1. */
export type EngineShares = ReadonlyMap<string, number>;

export interface ClientRates {
  shares: EngineShares;
  /** It has worked on some engine, but not between two looks of ours: its shares are not known yet. */
  pending: boolean;
}

interface Mark {
  busy: number;
  total: number | undefined;
  atMs: number;
}

interface Known {
  atMs: number;
  marks: Map<string, Mark>;
}

/**
 * By drm-usage-stats.rst a counter may fall back for a while and must then be taken as its larger
 * value; after this long it has started anew.
 */
const CATCH_UP_MS = 10_000;

/**
 * amdgpu adds up the jobs of all queues behind one engine name, so that more than all the time is
 * possible and means: never idle. More than this many queues is garbage.
 */
const MAX_PARALLEL = 64;

export class RateTracker {
  readonly #clients = new Map<string, Known>();

  /** The shares since the last look at this client; none on the first. @param nowMs monotonic */
  update(client: DrmClient, nowMs: number): ClientRates {
    const known = this.#clients.get(client.key);
    const shares = new Map<string, number>();
    const marks = new Map<string, Mark>();
    let pending = false;
    for (const [engine, counter] of client.engines) {
      const mark = markOf(counter, nowMs);
      if (!mark) continue;
      const before = known && (known.marks.get(engine) ?? unseenBefore(client, known));
      const share = before && shareBetween(before, mark, counter.capacity);
      if (share !== undefined) shares.set(engine, share);
      else if (mark.busy > 0) pending = true;
      marks.set(engine, before && waitsToCatchUp(before, mark) ? before : mark);
    }
    this.#clients.set(client.key, { atMs: nowMs, marks });
    return { shares, pending };
  }

  /** The device was off: nothing ran, and that time is no part of the next share. */
  skip(key: string, nowMs: number): void {
    const known = this.#clients.get(key);
    if (!known) return;
    known.atMs = nowMs;
    for (const [engine, mark] of known.marks) {
      // Whether a device's own clock runs while it is off is not documented.
      if (mark.total !== undefined) known.marks.delete(engine);
      else mark.atMs = nowMs;
    }
  }

  /** Forgets all other clients. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#clients.keys()) if (!keys.has(key)) this.#clients.delete(key);
  }
}

function markOf(counter: EngineCounter, atMs: number): Mark | undefined {
  const busy = counter.busyNs ?? counter.busyCycles;
  return busy === undefined ? undefined : { busy, total: counter.totalCycles, atMs };
}

/** amdgpu leaves out engines whose counter is zero (amdgpu_fdinfo.c), so it was zero at the last look. */
function unseenBefore(client: DrmClient, known: Known): Mark | undefined {
  return client.driver === "amdgpu" ? { busy: 0, total: undefined, atMs: known.atMs } : undefined;
}

function waitsToCatchUp(before: Mark, now: Mark): boolean {
  return now.busy < before.busy && now.atMs - before.atMs < CATCH_UP_MS;
}

function shareBetween(before: Mark, now: Mark, capacity: number): number | undefined {
  const busy = now.busy - before.busy;
  const passed = passedBetween(before, now);
  if (busy < 0 || passed === undefined || passed <= 0) return undefined;
  const share = busy / (passed * capacity);
  return share <= MAX_PARALLEL ? Math.min(1, share) : undefined;
}

/** In the counter's own unit: cycles of the device's clock where it tells them, else our nanoseconds. */
function passedBetween(before: Mark, now: Mark): number | undefined {
  if (now.total === undefined) return (now.atMs - before.atMs) * 1e6;
  return before.total === undefined ? undefined : now.total - before.total;
}

/** What a process used, as the model names it. */
export interface Use {
  smUtil?: number | undefined;
  encUtil?: number | undefined;
  decUtil?: number | undefined;
}

const SHADERS: ReadonlySet<string> = new Set(["gfx", "compute", "render", "rcs", "ccs"]);
const ENCODERS: ReadonlySet<string> = new Set(["enc", "enc_1"]);
/**
 * Intel has one kind of engine for coding both ways, and one that scales and converts: what ran on
 * them cannot be told apart, and stands under decoding.
 */
const DECODERS: ReadonlySet<string> = new Set(["dec", "video", "video-enhance", "vcs", "vecs"]);

/** By engine, the sum of several clients; more than all the time is all the time. */
export function sumShares(clients: readonly EngineShares[]): EngineShares {
  const sums = new Map<string, number>();
  for (const shares of clients) {
    for (const [engine, share] of shares)
      sums.set(engine, Math.min(1, (sums.get(engine) ?? 0) + share));
  }
  return sums;
}

/**
 * The busiest engine of each kind. Engines of one kind share the same units, so the time in which any
 * of them worked lies between their largest share and their sum: the largest accuses nobody of more
 * than was surely used.
 */
export function useOf(shares: EngineShares): Use {
  const smUtil = largest(shares, SHADERS);
  const encUtil = largest(shares, ENCODERS);
  const decUtil = largest(shares, DECODERS);
  return {
    ...(smUtil !== undefined && { smUtil }),
    ...(encUtil !== undefined && { encUtil }),
    ...(decUtil !== undefined && { decUtil }),
  };
}

function largest(shares: EngineShares, engines: ReadonlySet<string>): number | undefined {
  let best: number | undefined;
  for (const [engine, share] of shares) {
    if (engines.has(engine)) best = Math.max(best ?? 0, share);
  }
  return best;
}

/** Whether a client has used the device or holds memory of it; undefined where neither is told. */
export function isPresent(client: DrmClient): boolean | undefined {
  const { engines, memoryBytes } = client;
  if (engines.size === 0 && memoryBytes === undefined) return undefined;
  return (memoryBytes ?? 0) > 0 || hasWorked(client);
}

export function hasWorked({ engines }: DrmClient): boolean {
  return [...engines.values()].some((engine) => (engine.busyNs ?? engine.busyCycles ?? 0) > 0);
}
