import type { CollectorObservation } from "../../model/observation.ts";
import type { DeviceHealth, DriverSamples } from "../../model/sample.ts";
import { checked } from "./checked.ts";
import { millisecondsOf, type RawLine } from "./fields.ts";
import { plausible, SIGNAL_LIMITS } from "../limits.ts";
import type { LinePlace } from "./place.ts";
import { collectorSchema, healthSchema, samplesSchema } from "./schema.ts";
import type { WarningLog } from "./warnings.ts";

/*
 * The rarer lines about a device and about what reads it. All throw AssayError
 * `recording/malformed` where a field has the wrong type.
 */

/**
 * A driver's buffer. Values that cannot be true are left out with their offsets; undefined where the
 * unit of a known signal is not the format's, because then no figure means what it says.
 */
export function samplesOf(
  raw: RawLine,
  at: LinePlace,
  warnings: WarningLog,
): DriverSamples | undefined {
  const { t, from, ...line } = checked(samplesSchema, raw, at, warnings);
  const samples: DriverSamples = {
    ...line,
    kind: "samples",
    atMs: millisecondsOf(t, "t", at),
    fromMs: millisecondsOf(from, "from", at),
  };
  const limit = SIGNAL_LIMITS.get(line.signal);
  // Lists of two lengths stay as they are: the rules refuse them.
  if (!limit || line.offsetsMs.length !== line.values.length) return samples;
  if (line.unit !== limit.unit) {
    warnings.add("implausible-value", `samples.unit of ${line.signal}: ${line.unit}`, at);
    return undefined;
  }
  return believable(samples, (value) => plausible(limit.limit, value), at, warnings);
}

function believable(
  samples: DriverSamples,
  believed: (value: number) => number | undefined,
  at: LinePlace,
  warnings: WarningLog,
): DriverSamples {
  const values = samples.values.map(believed);
  if (values.every((value, i) => value === samples.values[i])) return samples;
  const kept = values.flatMap((value, i) =>
    value === undefined ? [] : [{ value, offsetMs: samples.offsetsMs[i] ?? 0 }],
  );
  if (kept.length < values.length)
    warnings.add("implausible-value", `samples.${samples.signal}`, at);
  return {
    ...samples,
    offsetsMs: kept.map(({ offsetMs }) => offsetMs),
    values: kept.map(({ value }) => value),
  };
}

const HEALTH_COUNTS = ["eccCorrected", "eccUncorrected", "pcieReplays", "remappedRows"] as const;

/** A count that is none (negative, broken, beyond exact integers) is left out, as garbage of a sensor is. */
export function healthOf(raw: RawLine, at: LinePlace, warnings: WarningLog): DeviceHealth {
  const { t, gpu, xids, ...counts } = checked(healthSchema, raw, at, warnings);
  const health: DeviceHealth = { kind: "health", atMs: millisecondsOf(t, "t", at), gpu };
  for (const field of HEALTH_COUNTS) {
    const count = counts[field];
    if (count === undefined) continue;
    if (isCount(count)) health[field] = count;
    else warnings.add("implausible-value", `health.${field}`, at);
  }
  if (xids === undefined) return health;
  const codes = xids.filter(isCount);
  if (codes.length < xids.length) warnings.add("implausible-value", "health.xids", at);
  return { ...health, xids: codes };
}

/** What a collector says of itself. */
export function collectorOf(
  raw: RawLine,
  at: LinePlace,
  warnings: WarningLog,
): CollectorObservation {
  const { t, ...line } = checked(collectorSchema, raw, at, warnings);
  return { ...line, kind: "collector", atMs: millisecondsOf(t, "t", at) };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
