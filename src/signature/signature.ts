import type { KernelFamily } from "../model/calibration.ts";
import type { ProbeObservation } from "../model/observation.ts";
import type { DriverSamples, GpuQuantity, GpuSample, LaunchSample } from "../model/sample.ts";
import type { ReferenceComparison, Signature } from "../model/signature.ts";
import type { Window } from "../model/window.ts";
import type { ContextCourse } from "./context.ts";
import { fineFeatures } from "./fine.ts";
import { gathered } from "./gather.ts";
import { launchFeatures } from "./launches.ts";
import { lockstep, type PowerCourse } from "./lockstep.ts";
import { plateauVariation } from "./plateau.ts";
import { probeFeatures } from "./probe-features.ts";
import { highest, meanOf, measured, ratio, variationOf } from "./readings.ts";
import {
  compareWithReferences,
  coordinate,
  hungriest,
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
  /** The course of this device's power, and of each other device of the node. */
  power: PowerCourse;
  peers: readonly PowerCourse[];
  /** What a longer past of this device shows. */
  context?: ContextCourse | undefined;
  /** How many processes hold the device, and with how many helpers. */
  processes?: Pick<Signature["features"], "processCount" | "treeProcesses"> | undefined;
  /** Of processes on this device. */
  launches?: readonly LaunchSample[] | undefined;
  /** The driver's buffers that may reach into the window. */
  driver?: readonly DriverSamples[] | undefined;
  /** The agent's own launches in the window and shortly before. */
  probes?: readonly ProbeObservation[] | undefined;
  coveredMs: number;
  scale: DeviceScale;
}

/** A distance over fewer quantities is of a device that tells little: many kinds of work share it. */
const MIN_NEAR_QUANTITIES = 4;

const CODECS = ["encUtil", "decUtil", "jpgUtil", "ofaUtil"] as const;

/**
 * A window's features on the device's scale. Intensities are means over the busy samples: they say
 * what the work was, not how often it ran. Rhythm (spread, share of zeros) is over all samples.
 */
export function signatureOf(input: SignatureInput): Signature {
  const { gpuUuid, window, samples, busy, scale, coveredMs } = input;
  const isBusy = busy.length > 0;
  const references =
    scale.references && isBusy
      ? compareWithReferences(
          scale.references,
          Object.fromEntries(REFERENCE_QUANTITIES.map((q) => [q, meanOf(busy, q)])),
        )
      : undefined;
  const isStill = input.context?.isStill ?? false;
  const features = gathered({
    load: loadFeatures(samples, busy, isStill),
    power: powerFeatures(samples, busy, scale),
    traffic: trafficFeatures(busy, scale),
    units: unitFeatures(busy),
    context: (isBusy ? input.context?.features : undefined) ?? {},
    fine: fineFeatures(input.driver ?? [], window),
    references: onReferences(scale, meanOf(busy, "powerWatts"), references ?? []),
    probes: probeFeatures(input.probes ?? [], window),
    launches: launchFeatures(input.launches ?? [], window),
    processes: (isBusy ? input.processes : undefined) ?? {},
    lockstep: isBusy ? lockstep(input.power, input.peers, window.toMs) : undefined,
  });
  const sampleCount = samples.length;
  const workReadings = input.context?.workReadings ?? busy.length;
  const told = { sampleCount, workReadings, isStill, coveredMs };
  return { gpuUuid, window, features, scale: scale.origin, references, ...told };
}

function loadFeatures(
  samples: readonly GpuSample[],
  busy: readonly GpuSample[],
  isStill: boolean,
): Signature["features"] {
  const utils = measured(samples, "gpuUtil");
  const [util, memUtil] = [meanOf(busy, "gpuUtil"), meanOf(busy, "memUtil")];
  return {
    gpuUtil: util,
    // Where not even power moves, a utilisation that does not is no finding.
    gpuUtilSpread: isStill ? undefined : spread(utils),
    zeroUtilShare: mean(utils.map((each) => (each === 0 ? 1 : 0))),
    smActive: meanOf(busy, "smActive"),
    smOccupancy: meanOf(busy, "smOccupancy"),
    memUtil,
    memPerUtil: ratio(memUtil, util),
    dramActive: meanOf(busy, "dramActive"),
  };
}

function powerFeatures(
  samples: readonly GpuSample[],
  busy: readonly GpuSample[],
  scale: DeviceScale,
): Signature["features"] {
  const watts = measured(busy, "powerWatts");
  return {
    powerLevel: powerLevel(mean(watts), scale),
    powerVariation: variationOf(watts),
    plateauVariation: plateauVariation(samples, busy),
    clockLevel: ratio(meanOf(busy, "smClockMHz"), scale.maxSmClockMHz),
  };
}

function trafficFeatures(busy: readonly GpuSample[], scale: DeviceScale): Signature["features"] {
  const { memoryBytes, pcieBytesPerSec, nvlinkBytesPerSec } = scale;
  const on = (quantity: GpuQuantity, whole: number | undefined): number | undefined =>
    ratio(meanOf(busy, quantity), whole);
  return {
    memUsedShare: on("memUsedBytes", memoryBytes),
    pcieRxLevel: on("pcieRxBytesPerSec", pcieBytesPerSec),
    pcieTxLevel: on("pcieTxBytesPerSec", pcieBytesPerSec),
    pcieRhythm: variationOf(measured(busy, "pcieRxBytesPerSec")),
    // The busier direction: a ring sends as much as it receives, a broadcast does not.
    nvlinkLevel: highest([
      on("nvlinkTxBytesPerSec", nvlinkBytesPerSec),
      on("nvlinkRxBytesPerSec", nvlinkBytesPerSec),
    ]),
  };
}

function unitFeatures(busy: readonly GpuSample[]): Signature["features"] {
  const intActive = meanOf(busy, "intActive");
  return {
    ...arithmetic(busy, intActive),
    tensorActive: meanOf(busy, "tensorActive"),
    immaActive: meanOf(busy, "immaActive"),
    dfmaActive: meanOf(busy, "dfmaActive"),
    intActive,
    intShare: ratio(intActive, meanOf(busy, "smActive")),
    fp64Active: meanOf(busy, "fp64Active"),
    fp32Active: meanOf(busy, "fp32Active"),
    codecUtil: highest(CODECS.map((codec) => meanOf(busy, codec))),
  };
}

/** Units that compute with fractions. */
const FLOATS = ["fp16Active", "fp32Active", "fp64Active", "tensorActive"] as const;
/** Less arithmetic than this is noise, and so is a share of it. */
const MIN_ARITHMETIC = 0.05;

function arithmetic(
  busy: readonly GpuSample[],
  integers: number | undefined,
): Signature["features"] {
  // A device that tells of some units only could hide all of its work in the others.
  if (integers === undefined || meanOf(busy, "fp32Active") === undefined) return {};
  if (meanOf(busy, "tensorActive") === undefined) return {};
  const all = FLOATS.reduce((sum, unit) => sum + (meanOf(busy, unit) ?? 0), 0);
  const arithmeticActive = integers + all;
  // Quantised models multiply whole numbers on the tensor cores, and so may a proof of work.
  const isQuantised = (meanOf(busy, "immaActive") ?? 0) >= MIN_ARITHMETIC;
  const isTold = arithmeticActive >= MIN_ARITHMETIC && !isQuantised;
  return { arithmeticActive, floatShare: isTold ? all / arithmeticActive : undefined };
}

/** Power against the hungriest reference kernel of each family, and the distance to the nearest one. */
function onReferences(
  { references: scale }: DeviceScale,
  watts: number | undefined,
  compared: readonly ReferenceComparison[],
): Signature["features"] {
  const on = (family: KernelFamily): number | undefined => {
    const reference = scale && hungriest(scale, family);
    return reference && coordinate(scale, reference, "powerWatts", watts);
  };
  const near = (family: KernelFamily): number | undefined =>
    compared.find((each) => each.family === family && each.quantities >= MIN_NEAR_QUANTITIES)
      ?.distance;
  return {
    powerVsHash: on("hash"),
    powerVsMatmul: on("matmul"),
    powerVsMemory: on("memory"),
    nearHash: near("hash"),
    nearMatmul: near("matmul"),
    nearMemory: near("memory"),
  };
}

function powerLevel(watts: number | undefined, scale: DeviceScale): number | undefined {
  const { idlePowerWatts, fullPowerWatts } = scale;
  if (watts === undefined || idlePowerWatts === undefined || fullPowerWatts === undefined)
    return undefined;
  if (fullPowerWatts <= idlePowerWatts) return undefined;
  return (watts - idlePowerWatts) / (fullPowerWatts - idlePowerWatts);
}
