import type { KernelFamily } from "../model/calibration.ts";
import type { ProbeObservation } from "../model/observation.ts";
import type { DriverSamples, GpuQuantity, GpuSample } from "../model/sample.ts";
import type { Signature } from "../model/signature.ts";
import type { Window } from "../model/window.ts";
import { fineFeatures } from "./fine.ts";
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
    powerVariation: ratio(spread(power), meanPower),
    memUtil: busyMean("memUtil"),
    memUsedShare: ratio(busyMean("memUsedBytes"), scale.memoryBytes),
    clockLevel: ratio(busyMean("smClockMHz"), scale.maxSmClockMHz),
    pcieRxLevel: ratio(busyMean("pcieRxBytesPerSec"), scale.pcieBytesPerSec),
    nvlinkLevel: ratio(nvlinkMean(busy), scale.nvlinkBytesPerSec),
    smActive: busyMean("smActive"),
    smOccupancy: busyMean("smOccupancy"),
    tensorActive: busyMean("tensorActive"),
    dramActive: busyMean("dramActive"),
    intActive: busyMean("intActive"),
    fp64Active: busyMean("fp64Active"),
    fp32Active: busyMean("fp32Active"),
    lockstep:
      busy.length === 0
        ? undefined
        : lockstep(
            input.context,
            input.peers,
            input.window,
            Math.max(MIN_BUCKET_MS, input.intervalMs),
          ),
    ...fineFeatures(input.driver ?? [], input.window),
    ...powerOnReferences(scale, busyMean("powerWatts")),
    ...probeFeatures(input.probes ?? [], input.window),
  };
  const levels: Levels = Object.fromEntries(REFERENCE_QUANTITIES.map((q) => [q, busyMean(q)]));
  return {
    gpuUuid: input.gpuUuid,
    window: input.window,
    features,
    scale: scale.origin,
    references:
      scale.references && busy.length > 0
        ? compareWithReferences(scale.references, levels)
        : undefined,
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
