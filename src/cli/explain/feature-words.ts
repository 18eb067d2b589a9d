import type { Feature, FeatureGroup } from "../../model/signature.ts";

/** What a feature is in plain words, what has to be there to measure it, and what it can tell. */
export interface FeatureWords {
  name: string;
  needs: string;
  tells: string;
}

/** Titles of the groups of evidence, for people. */
export const GROUP_TITLES: Readonly<Record<FeatureGroup, string>> = {
  load: "Load: how busy the device was",
  power: "Power",
  memory: "Memory",
  links: "Links to the host and to other devices",
  units: "Which arithmetic units worked",
  rhythm: "Rhythm over the last two minutes, and within the second",
  peers: "Other devices of the node",
  launches: "Kernel launches",
  processes: "Processes",
  calibration: "Beside this device's own reference kernels",
  probes: "The agent's own probes",
};

const UTILISATION = "the driver's utilisation";
const POWER = "a power reading and the device's limit";
const MEMORY = "the driver's memory figures";
const COUNTERS = "profiling counters (Hopper and newer, or DCGM)";
const LINKS = "the driver's link counters";
const CONTEXT = "two minutes of power readings";
const BUFFER = "the driver's sample buffers";
const LAUNCHES = "kernel launches to be sampled";
const PROCESSES = "a list of the processes";
const CALIBRATED = "assay calibrate, on this device";
const PROBES = "probes to be switched on (docs/probes.md)";

function words(name: string, needs: string, tells: string): FeatureWords {
  return { name, needs, tells };
}

/** A record, so that a feature without words is a type error here. */
export const FEATURE_WORDS: Readonly<Record<Feature, FeatureWords>> = {
  gpuUtil: words(
    "time with a kernel running, while busy",
    UTILISATION,
    "whether work came without pause",
  ),
  gpuUtilSpread: words(
    "how much the load went up and down",
    UTILISATION,
    "whether the load followed requests or input from outside",
  ),
  zeroUtilShare: words("moments without any kernel", UTILISATION, "how often the work rested"),
  smActive: words(
    "multiprocessors that had work",
    COUNTERS,
    "whether the device was filled, or worked on small pieces",
  ),
  smOccupancy: words("threads resident, of the most possible", COUNTERS, "what kernels ran"),
  stallShare: words(
    "busy time that drew next to no power",
    "utilisation, and power on a known scale",
    "whether the device only waited while it looked busy",
  ),
  powerLevel: words(
    "power between rest (0 %) and limit (100 %)",
    POWER,
    "how hard the device worked",
  ),
  powerVariation: words(
    "how much power went up and down",
    POWER,
    "whether the work had phases, or was one even loop",
  ),
  plateauVariation: words(
    "how even power was while work ran",
    POWER,
    "whether each stretch of work was one even loop",
  ),
  clockLevel: words("clock, of its highest", "the clock and its highest", "what limited the work"),
  memUtil: words(
    "time the memory was being read or written",
    MEMORY,
    "whether the work reads memory, as models do, or lives in registers, as hashing does",
  ),
  memPerUtil: words(
    "of the time with a kernel, with memory in use",
    "the driver's utilisation of both",
    "whether the kernels read memory, however often they ran",
  ),
  memUsedShare: words(
    "device memory held",
    MEMORY,
    "whether enough was held for a model of any size",
  ),
  memHeldVariation: words(
    "change of the memory held in two minutes",
    MEMORY,
    "whether memory was taken and given back, or a table stood still",
  ),
  dramActive: words(
    "memory bandwidth in use, of its peak",
    COUNTERS,
    "whether memory was what limited the work",
  ),
  pcieRxLevel: words(
    "host link used towards the device",
    LINKS,
    "whether data came in, as a data loader sends it; a proof-of-work search needs none",
  ),
  pcieTxLevel: words("host link used from the device", LINKS, "whether results went out"),
  pcieRhythm: words(
    "how unevenly data came in",
    LINKS,
    "whether input came in bursts or as a stream",
  ),
  nvlinkLevel: words(
    "links between devices in use",
    LINKS,
    "whether devices exchanged data, which proof-of-work searches never do",
  ),
  arithmeticActive: words(
    "time any arithmetic units worked, all kinds added up",
    COUNTERS,
    "how much was computed, of whatever kind",
  ),
  floatShare: words(
    "arithmetic on fractions, of all arithmetic",
    COUNTERS,
    "whether it computed with fractions, as models do, or with whole numbers, as hashing does",
  ),
  tensorActive: words(
    "time the tensor cores worked",
    COUNTERS,
    "whether large matrices were multiplied, as models need it",
  ),
  immaActive: words(
    "tensor cores on whole numbers",
    COUNTERS,
    "whether products were of small integers, as in quantised models and some proof of work",
  ),
  dfmaActive: words("tensor cores in double precision", COUNTERS, "whether it was a simulation"),
  intActive: words(
    "time the integer units worked",
    COUNTERS,
    "whether the arithmetic was of whole numbers, as hash functions are and models are not",
  ),
  intShare: words(
    "integer work, of all the multiprocessors did",
    COUNTERS,
    "the same, however little of the device was filled",
  ),
  fp64Active: words(
    "time the double-precision units worked",
    COUNTERS,
    "whether it was a simulation or a solver",
  ),
  fp32Active: words("time the single-precision units worked", COUNTERS, "what arithmetic ran"),
  codecUtil: words(
    "video and picture engines in use",
    "the driver's figures of its engines",
    "whether video was encoded or decoded",
  ),
  contextPowerVariation: words(
    "how much power changed over two minutes",
    CONTEXT,
    "whether the work had slow phases, or came and went",
  ),
  stepStrength: words(
    "how strictly power repeated itself",
    CONTEXT,
    "whether work went in equal steps, as training does",
  ),
  stepPeriodSeconds: words("time after which power repeated itself", CONTEXT, "how long a step is"),
  irregularVariation: words(
    "change of power that repeats nothing",
    CONTEXT,
    "whether requests drove the work, or equal steps",
  ),
  burstsPerMinute: words(
    "bursts of work a minute",
    CONTEXT,
    "whether work rested in between, and how often",
  ),
  burstRegularity: words(
    "how evenly the bursts were spaced",
    CONTEXT,
    "whether a clock or somebody's requests started them",
  ),
  finePowerVariation: words("power within the second", BUFFER, "short steps that a second hides"),
  fineGpuUtilSpread: words("load within the second", BUFFER, "short pauses that a second hides"),
  fineZeroUtilShare: words(
    "moments without a kernel within the second",
    BUFFER,
    "short pauses that a second hides",
  ),
  lockstep: words(
    "power moving in step with another device (-1 to 1)",
    "a second busy device on the node",
    "whether devices waited for each other, as in one training job; miners never do",
  ),
  launchesPerSecond: words("kernel launches a second", LAUNCHES, "large kernels or many small"),
  launchVariety: words(
    "different kernels launched",
    LAUNCHES,
    "a model has dozens, a search loop has one or two",
  ),
  launchTopShare: words(
    "launches of the most frequent kernel",
    LAUNCHES,
    "whether one kernel did it all, as in a search loop",
  ),
  launchRegularity: words(
    "evenness of kernel launches (1 is a clock)",
    LAUNCHES,
    "a search loop launches evenly, a model in steps, a server as requests come",
  ),
  processCount: words("processes on the device", PROCESSES, "one job or several"),
  treeProcesses: words(
    "helper processes for each of them",
    PROCESSES,
    "whether loaders or workers stood beside it",
  ),
  powerVsHash: words("power beside hashing (1 is equal)", CALIBRATED, "how near it is to hashing"),
  powerVsMatmul: words(
    "power beside a matrix product (1 is equal)",
    CALIBRATED,
    "how near it is to a model's work",
  ),
  powerVsMemory: words(
    "power beside a memory test (1 is equal)",
    CALIBRATED,
    "how near it is to work that memory limits",
  ),
  nearHash: words("distance to hashing (0 is equal)", CALIBRATED, "how near it is to hashing"),
  nearMatmul: words(
    "distance to a matrix product (0 is equal)",
    CALIBRATED,
    "how near it is to a model's work",
  ),
  nearMemory: words(
    "distance to a memory test (0 is equal)",
    CALIBRATED,
    "how near it is to work that memory limits",
  ),
  probeQueueSeconds: words("how long a probe waited", PROBES, "how long the kernels are"),
  probeQueueSpread: words("how unevenly probes waited", PROBES, "whether kernels are alike"),
  probeGapShare: words("a probe's time given to others", PROBES, "how the device was shared"),
  probeSlowdownAlu: words("slow-down of arithmetic", PROBES, "whether arithmetic was contended"),
  probeSlowdownMemory: words("slow-down of memory", PROBES, "whether bandwidth was contended"),
  probeSlowdownGather: words(
    "slow-down of scattered reads",
    PROBES,
    "whether scattered memory was contended, as by a memory-hard proof of work",
  ),
  probeColdCost: words("cost of a cold start", PROBES, "how much of the cache the work takes"),
  probeClockLevel: words("clock seen by a probe", PROBES, "whether power or heat held it back"),
};
