import type { KernelFamily } from "../model/calibration.ts";
import type { ProbeObservation } from "../model/observation.ts";
import type { DriverSamples, GpuQuantity, GpuSample, LaunchSample } from "../model/sample.ts";
import type { ReferenceComparison, Signature } from "../model/signature.ts";
import type { Window } from "../model/window.ts";
import type { ContextFeatures } from "./context.ts";
import { fineFeatures } from "./fine.ts";
import { launchFeatures } from "./launches.ts";
import { lockstep } from "./lockstep.ts";
import { probeFeatures } from "./probe-features.ts";
import {
  compareWithReferences,
  coordinate,
  hungriest,
  type Levels,
  REFERENCE_QUANTITIES,
} from "./references.ts";
import type { DeviceScale } from "./scale.ts";
import { mean, spread } from "./statistics.ts";

export interface SignatureInput {
  gpuUuid: string;
  window: Window;
  /** All samples whose intervals touch the window, in time order. */
  samples: readonly GpuSample[];
  /** Those of them that say the device was busy. */
  busy: readonly GpuSample[];
  /** Own samples over the lockstep context, and those of each other device of the node. */
  context: readonly GpuSample[];
  peers: readonly (readonly GpuSample[])[];
  /** What a longer past of this device shows. */
  course?: ContextFeatures | undefined;
  /** Of processes on this device. */
  launches?: readonly LaunchSample[] | undefined;
  /** The driver's buffers that may reach into the window. */
  driver?: readonly DriverSamples[] | undefined;
  /** The agent's own launches in the window and shortly before. */
  probes?: readonly ProbeObservation[] | undefined;
  coveredMs: number;
  intervalMs: number;
  scale: DeviceScale;
}

/** Sensors refresh no faster than this, so finer buckets would compare repeated values. */
const MIN_BUCKET_MS = 100;
/** Power follows a change of the load within about a second, by the board and by its sensor. */
const EDGE_MS = 1000;
/** Fewer readings within bursts have no spread worth the name. */
const MIN_PLATEAU = 5;
/** A distance over fewer quantities is of devices that tell little: many kinds of work share it. */
const MIN_NEAR_QUANTITIES = 4;

/**
 * A window's features on the device's scale. Intensities are means over the busy samples: they say
 * what the work was, not how often it ran. Rhythm (spread, share of zeros) is over all samples.
 */
export function signatureOf(input: SignatureInput): Signature {
  const { samples, busy, scale } = input;
  const busyMean = (quantity: GpuQuantity): number | undefined => mean(measured(busy, quantity));
  const power = measured(busy, "powerWatts");
  const meanPower = mean(power);
  const utils = measured(samples, "gpuUtil");
  const features: Signature["features"] = {
    gpuUtil: busyMean("gpuUtil"),
    gpuUtilSpread: spread(utils),
    zeroUtilShare: mean(utils.map((util) => (util === 0 ? 1 : 0))),
    powerLevel: powerLevel(meanPower, scale),
    powerVariation: variationOf(power),
    plateauVariation: plateauVariation(samples, busy),
    memUtil: busyMean("memUtil"),
    memPerUtil: ratio(busyMean("memUtil"), busyMean("gpuUtil")),
    memUsedShare: ratio(busyMean("memUsedBytes"), scale.memoryBytes),
    clockLevel: ratio(busyMean("smClockMHz"), scale.maxSmClockMHz),
    pcieRxLevel: ratio(busyMean("pcieRxBytesPerSec"), scale.pcieBytesPerSec),
    pcieTxLevel: ratio(busyMean("pcieTxBytesPerSec"), scale.pcieBytesPerSec),
    pcieRhythm: variationOf(measured(busy, "pcieRxBytesPerSec")),
    nvlinkLevel: ratio(nvlinkMean(busy), scale.nvlinkBytesPerSec),
    smActive: busyMean("smActive"),
    smOccupancy: busyMean("smOccupancy"),
    tensorActive: busyMean("tensorActive"),
    dramActive: busyMean("dramActive"),
    immaActive: busyMean("immaActive"),
    dfmaActive: busyMean("dfmaActive"),
    intActive: busyMean("intActive"),
    intShare: ratio(busyMean("intActive"), busyMean("smActive")),
    fp64Active: busyMean("fp64Active"),
    fp32Active: busyMean("fp32Active"),
    codecUtil: highest(CODECS.map(busyMean)),
    lockstep:
      busy.length === 0
        ? undefined
        : lockstep(
            input.context,
            input.peers,
            input.window,
            Math.max(MIN_BUCKET_MS, input.intervalMs),
          ),
    ...(busy.length > 0 ? input.course : undefined),
    ...launchFeatures(input.launches ?? [], input.window),
    ...fineFeatures(input.driver ?? [], input.window),
    ...powerOnReferences(scale, busyMean("powerWatts")),
    ...probeFeatures(input.probes ?? [], input.window),
  };
  const levels: Levels = Object.fromEntries(REFERENCE_QUANTITIES.map((q) => [q, busyMean(q)]));
  const references =
    scale.references && busy.length > 0
      ? compareWithReferences(scale.references, levels)
      : undefined;
  Object.assign(features, nearest(references ?? []));
  return {
    gpuUuid: input.gpuUuid,
    window: input.window,
    features,
    scale: scale.origin,
    references,
    sampleCount: samples.length,
    coveredMs: input.coveredMs,
  };
}

/** Values that were measured: a missing one is left out, never taken as 0. */
function measured(samples: readonly GpuSample[], quantity: GpuQuantity): number[] {
  const values: number[] = [];
  for (const sample of samples) {
    const value = sample[quantity];
    if (value !== undefined) values.push(value);
  }
  return values;
}

const CODECS = ["encUtil", "decUtil", "jpgUtil", "ofaUtil"] as const;

function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** Power's variation where the device had been at work for a while and went on: no edges of bursts. */
function plateauVariation(
  samples: readonly GpuSample[],
  busy: readonly GpuSample[],
): number | undefined {
  const isBusy = new Set(busy);
  const rests = samples.filter((sample) => !isBusy.has(sample)).map(({ atMs }) => atMs);
  let next = 0;
  const inside = busy.filter(({ atMs }) => {
    while ((rests[next] ?? Infinity) < atMs) next += 1;
    const [before, after] = [rests[next - 1] ?? -Infinity, rests[next] ?? Infinity];
    return atMs - before > EDGE_MS && after - atMs > EDGE_MS;
  });
  const watts = measured(inside, "powerWatts");
  return watts.length < MIN_PLATEAU ? undefined : variationOf(watts);
}

/** Standard deviation over mean; undefined where the mean is 0. */
function variationOf(values: readonly number[]): number | undefined {
  return ratio(spread(values), mean(values));
}

/** Distance to the nearest reference kernel of each family. */
function nearest(
  references: readonly ReferenceComparison[],
): Pick<Signature["features"], "nearHash" | "nearMatmul" | "nearMemory"> {
  const of = (family: KernelFamily): number | undefined =>
    references.find((each) => each.family === family && each.quantities >= MIN_NEAR_QUANTITIES)
      ?.distance;
  return { nearHash: of("hash"), nearMatmul: of("matmul"), nearMemory: of("memory") };
}

/** Traffic of the busier direction: a ring sends as much as it receives, a broadcast does not. */
function nvlinkMean(busy: readonly GpuSample[]): number | undefined {
  const [tx, rx] = [
    mean(measured(busy, "nvlinkTxBytesPerSec")),
    mean(measured(busy, "nvlinkRxBytesPerSec")),
  ];
  if (tx === undefined) return rx;
  return rx === undefined ? tx : Math.max(tx, rx);
}

/** Power against the hungriest reference kernel of each family, on this device. */
function powerOnReferences(
  { references }: DeviceScale,
  watts: number | undefined,
): Pick<Signature["features"], "powerVsHash" | "powerVsMatmul" | "powerVsMemory"> {
  const on = (family: KernelFamily): number | undefined => {
    const reference = references && hungriest(references, family);
    return reference && coordinate(references, reference, "powerWatts", watts);
  };
  return {
    powerVsHash: on("hash"),
    powerVsMatmul: on("matmul"),
    powerVsMemory: on("memory"),
  };
}

function powerLevel(watts: number | undefined, scale: DeviceScale): number | undefined {
  const { idlePowerWatts, fullPowerWatts } = scale;
  if (watts === undefined || idlePowerWatts === undefined || fullPowerWatts === undefined)
    return undefined;
  if (fullPowerWatts <= idlePowerWatts) return undefined;
  return (watts - idlePowerWatts) / (fullPowerWatts - idlePowerWatts);
}

function ratio(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole <= 0 ? undefined : part / whole;
}
