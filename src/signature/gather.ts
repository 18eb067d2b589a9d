import type { Signature } from "../model/signature.ts";

type Features = Signature["features"];

/** What each kind of reading gave, by where it comes from. */
export interface FeatureParts {
  load: Features;
  power: Features;
  traffic: Features;
  units: Features;
  context: Features;
  fine: Features;
  references: Features;
  probes: Features;
  launches: Features;
  processes: Features;
  lockstep: number | undefined;
}

/**
 * All of them in one object. One literal, because it is made for every window of every device: the
 * same out of spread parts took a sixth of all labelling.
 */
// oxlint-disable-next-line max-lines-per-function -- one literal is the point of it
export function gathered(parts: FeatureParts): Features {
  return {
    gpuUtil: parts.load.gpuUtil,
    gpuUtilSpread: parts.load.gpuUtilSpread,
    zeroUtilShare: parts.load.zeroUtilShare,
    smActive: parts.load.smActive,
    smOccupancy: parts.load.smOccupancy,
    stallShare: parts.context.stallShare,
    powerLevel: parts.power.powerLevel,
    powerVariation: parts.power.powerVariation,
    plateauVariation: parts.power.plateauVariation,
    clockLevel: parts.power.clockLevel,
    memUtil: parts.load.memUtil,
    memPerUtil: parts.load.memPerUtil,
    memUsedShare: parts.traffic.memUsedShare,
    memHeldVariation: parts.context.memHeldVariation,
    dramActive: parts.load.dramActive,
    pcieRxLevel: parts.traffic.pcieRxLevel,
    pcieTxLevel: parts.traffic.pcieTxLevel,
    pcieRhythm: parts.traffic.pcieRhythm,
    nvlinkLevel: parts.traffic.nvlinkLevel,
    arithmeticActive: parts.units.arithmeticActive,
    floatShare: parts.units.floatShare,
    tensorActive: parts.units.tensorActive,
    immaActive: parts.units.immaActive,
    dfmaActive: parts.units.dfmaActive,
    intActive: parts.units.intActive,
    intShare: parts.units.intShare,
    fp64Active: parts.units.fp64Active,
    fp32Active: parts.units.fp32Active,
    codecUtil: parts.units.codecUtil,
    contextPowerVariation: parts.context.contextPowerVariation,
    stepStrength: parts.context.stepStrength,
    stepPeriodSeconds: parts.context.stepPeriodSeconds,
    irregularVariation: parts.context.irregularVariation,
    burstsPerMinute: parts.context.burstsPerMinute,
    burstRegularity: parts.context.burstRegularity,
    finePowerVariation: parts.fine.finePowerVariation,
    fineGpuUtilSpread: parts.fine.fineGpuUtilSpread,
    fineZeroUtilShare: parts.fine.fineZeroUtilShare,
    lockstep: parts.lockstep,
    launchesPerSecond: parts.launches.launchesPerSecond,
    launchVariety: parts.launches.launchVariety,
    launchTopShare: parts.launches.launchTopShare,
    launchRegularity: parts.launches.launchRegularity,
    processCount: parts.processes.processCount,
    treeProcesses: parts.processes.treeProcesses,
    powerVsHash: parts.references.powerVsHash,
    powerVsMatmul: parts.references.powerVsMatmul,
    powerVsMemory: parts.references.powerVsMemory,
    nearHash: parts.references.nearHash,
    nearMatmul: parts.references.nearMatmul,
    nearMemory: parts.references.nearMemory,
    probeQueueSeconds: parts.probes.probeQueueSeconds,
    probeQueueSpread: parts.probes.probeQueueSpread,
    probeGapShare: parts.probes.probeGapShare,
    probeSlowdownAlu: parts.probes.probeSlowdownAlu,
    probeSlowdownMemory: parts.probes.probeSlowdownMemory,
    probeSlowdownGather: parts.probes.probeSlowdownGather,
    probeColdCost: parts.probes.probeColdCost,
    probeClockLevel: parts.probes.probeClockLevel,
  };
}
