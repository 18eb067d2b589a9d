import type { Calibration } from "../model/calibration.ts";
import { sanitize } from "../model/text.ts";

/** One thing that is otherwise than it was; numbers in the unit of `text`. */
export interface Change {
  what: string;
  text: string;
}

/** What a device gives now against what it gave in an earlier calibration. */
export interface Drift {
  kernel: string;
  sinceMs: number;
  /** Rate now over the rate then, less one. */
  rateChange: number;
  /** Beyond what the spreads of both explain. */
  isRateChanged: boolean;
  /** Of everything else, what explains it or is worth knowing; empty where nothing differs. */
  changes: readonly Change[];
  /** The search chose another shape, or the launches are timed otherwise: not the same measurement. */
  unlike: string | undefined;
}

/** Of a rate whose spread is not known. */
const UNKNOWN_SPREAD = 0.05;
/** Clocks and timers differ by so much from one minute to the next without any reason. */
const LEAST_RATE_CHANGE = 0.01;

interface Quantity {
  name: string;
  unit: string;
  read: (calibration: Calibration) => number | undefined;
  /** Differences up to the larger of the two are noise of the sensor. */
  relative: number;
  absolute: number;
}

const telemetry = (key: string) => (of: Calibration) => of.telemetry[key];

/** In the order in which they are told: causes first. */
const QUANTITIES: readonly Quantity[] = [
  q("power limit", "W", (of) => of.powerLimitWatts, 0, 0.5),
  q("SM clock", "MHz", telemetry("smClockMHz"), 0.01, 15),
  q("memory clock", "MHz", telemetry("memClockMHz"), 0.01, 15),
  q("temperature", "°C", telemetry("tempC"), 0, 5),
  q("power", "W", telemetry("powerWatts"), 0.05, 5),
  q("idle power", "W", (of) => of.baseline["powerWatts"], 0.1, 3),
];

function q(
  name: string,
  unit: string,
  read: Quantity["read"],
  relative: number,
  absolute: number,
): Quantity {
  return { name, unit, read, relative, absolute };
}

/**
 * The calibration that a new one is compared with: the oldest of the same device and kernel, in the
 * same shape where there is one. A software adapter is compared with itself alone.
 */
export function firstOf(
  history: readonly Calibration[],
  now: Calibration,
): Calibration | undefined {
  const alike = history
    .filter(
      (then) =>
        then.atMs < now.atMs &&
        then.gpuUuid === now.gpuUuid &&
        then.kernel === now.kernel &&
        then.unit === now.unit &&
        then.software === now.software &&
        (!now.software || then.adapter === now.adapter),
    )
    .toSorted((a, b) => a.atMs - b.atMs);
  return alike.find((then) => shapeOf(then) === shapeOf(now)) ?? alike[0];
}

/** What has changed since `then`; both are calibrations of one device and kernel. */
export function driftOf(now: Calibration, then: Calibration): Drift {
  const rateChange = now.ratePerSecond / then.ratePerSecond - 1;
  const spreads = (now.rateSpread ?? UNKNOWN_SPREAD) + (then.rateSpread ?? UNKNOWN_SPREAD);
  return {
    kernel: now.kernel,
    sinceMs: then.atMs,
    rateChange,
    isRateChanged: Math.abs(rateChange) > Math.max(LEAST_RATE_CHANGE, spreads),
    changes: changesOf(now, then),
    unlike: unlikeness(now, then),
  };
}

function changesOf(now: Calibration, then: Calibration): Change[] {
  const changes = QUANTITIES.flatMap(({ name, unit, read, relative, absolute }) => {
    const [before, after] = [read(then), read(now)];
    if (before === undefined || after === undefined) return [];
    const noise = Math.max(absolute, relative * Math.abs(before));
    if (Math.abs(after - before) <= noise) return [];
    return [{ what: name, text: `${name} ${shown(before)} → ${shown(after)} ${unit}` }];
  });
  const [before, after] = [then.driverVersion, now.driverVersion];
  if (before === undefined || after === undefined || before === after) return changes;
  const text = `driver ${sanitize(before, 40)} → ${sanitize(after, 40)}`;
  return [...changes, { what: "driver", text }];
}

function unlikeness(now: Calibration, then: Calibration): string | undefined {
  const differences: string[] = [];
  if (shapeOf(now) !== shapeOf(then))
    differences.push(`another shape, ${shapeText(then)} → ${shapeText(now)}`);
  if (now.timing !== then.timing && now.timing !== undefined && then.timing !== undefined)
    differences.push(`timed by the ${CLOCKS[now.timing]} and not by the ${CLOCKS[then.timing]}`);
  return differences.length > 0 ? differences.join("; ") : undefined;
}

const CLOCKS = { timestamp: "device", wall: "host" } as const;

/**
 * One sentence, such as `sha256d 7.0 % slower than on 2026-10-02: power limit 700 → 500 W, SM clock
 * 1,755 → 1,620 MHz`. Undefined where nothing has changed beyond noise.
 */
export function driftText(drift: Drift): string | undefined {
  const { kernel, sinceMs, rateChange, isRateChanged, changes, unlike } = drift;
  if (!isRateChanged && changes.length === 0) return undefined;
  const since = new Date(sinceMs).toISOString().slice(0, 10);
  const percent = (Math.abs(rateChange) * 100).toFixed(1);
  const direction = rateChange < 0 ? "slower than" : "faster than";
  const rate = isRateChanged ? `${percent} % ${direction}` : "as fast as";
  const causes = changes.map(({ text }) => text).join(", ");
  const rest = causes || "nothing else that was measured has changed";
  const note = unlike === undefined ? "" : ` (not quite the same measurement: ${unlike})`;
  return `${sanitize(kernel, 40)} ${rate} on ${since}: ${rest}${note}`;
}

function shapeOf({ variant = {} }: Calibration): string {
  return JSON.stringify(Object.entries(variant).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function shapeText({ variant = {} }: Calibration): string {
  const parts = Object.entries(variant).map(([name, value]) => `${sanitize(name, 40)} ${value}`);
  return parts.join(" ") || "as written";
}

function shown(value: number): string {
  const digits = Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
