import type { Feature, Signature } from "../../model/signature.ts";
import type { DeviceScale } from "../../signature/scale.ts";

type Features = Signature["features"];

/** A share of a whole in per cent, never 0 or 100 where it is not. */
export function percent(ratio: number): string {
  const value = ratio * 100;
  const digits = Math.abs(value) < 10 ? 1 : 0;
  const text = value.toFixed(digits);
  if (value > 0 && Number(text) === 0) return "< 0.1 %";
  if (value < 100 && Number(text) === 100) return "> 99.9 %";
  return `${text} %`;
}

const times = (value: number): string => `${value.toFixed(2)} times`;
const plain = (value: number): string => value.toFixed(2);
const seconds = (value: number): string => `${value.toPrecision(3)} s`;
const count = (value: number): string => String(Number(value.toFixed(1)));

/** Those that are no share of a whole. */
const FORMATS: Partial<Record<Feature, (value: number) => string>> = {
  lockstep: plain,
  stepStrength: plain,
  stepPeriodSeconds: seconds,
  burstsPerMinute: (value) => `${count(value)} a minute`,
  burstRegularity: plain,
  pcieRhythm: plain,
  launchesPerSecond: (value) => `${count(value)} a second`,
  launchVariety: count,
  launchRegularity: plain,
  processCount: count,
  treeProcesses: count,
  powerVsHash: plain,
  powerVsMatmul: plain,
  powerVsMemory: plain,
  nearHash: plain,
  nearMatmul: plain,
  nearMemory: plain,
  probeQueueSeconds: seconds,
  probeQueueSpread: plain,
  probeSlowdownAlu: times,
  probeSlowdownMemory: times,
  probeSlowdownGather: times,
  probeColdCost: times,
};

/** A feature's value for people, without the device's units. */
export function shownValue(feature: Feature, value: number): string {
  return (FORMATS[feature] ?? percent)(value);
}

/**
 * The same in the device's own units, where the scale that it was read on is known.
 * @param features all of the window: how far power went up and down needs to know where it was
 */
export function inOwnUnits(
  feature: Feature,
  value: number,
  features: Features,
  scale: DeviceScale | undefined,
): string | undefined {
  if (!scale) return undefined;
  const of = (whole: number | undefined, text: (amount: number) => string): string | undefined =>
    whole === undefined ? undefined : text(value * whole);
  switch (feature) {
    case "powerLevel": {
      const watts = wattsOf(value, scale);
      return watts === undefined ? undefined : wattText(watts);
    }
    case "powerVariation":
      return of(wattsOf(features.powerLevel, scale), (w) => `${wattText(w)} up and down`);
    case "memUsedShare":
    case "memHeldVariation":
      return of(scale.memoryBytes, (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`);
    case "clockLevel":
      return of(scale.maxSmClockMHz, (mhz) => `${mhz.toFixed(0)} MHz`);
    case "pcieRxLevel":
    case "pcieTxLevel":
      return of(scale.pcieBytesPerSec, traffic);
    case "nvlinkLevel":
      return of(scale.nvlinkBytesPerSec, traffic);
    default:
      return undefined;
  }
}

function wattsOf(level: number | undefined, scale: DeviceScale): number | undefined {
  const { idlePowerWatts: idle, fullPowerWatts: full } = scale;
  if (level === undefined || idle === undefined || full === undefined) return undefined;
  return idle + level * (full - idle);
}

export function wattText(watts: number): string {
  return `${watts.toFixed(Math.abs(watts) < 10 ? 1 : 0)} W`;
}

function traffic(bytesPerSec: number): string {
  const megabytes = bytesPerSec / 1e6;
  return `${megabytes.toFixed(megabytes < 10 ? 2 : 0)} MB/s`;
}
