/*
 * Makes the demonstration's recording: a made-up node whose two GPUs live through a story (see
 * story.ts). `npx tsx bench/demo/generate.ts` writes `data/demo-simulated.ndjson.gz` anew; the same
 * seed gives the same lines on every machine. It is simulated, says so in its header, and proves
 * nothing about real devices.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import type { NodeObservation, Observation } from "../../src/model/observation.ts";
import type { GpuReadings, ProcessSighting } from "../../src/model/sample.ts";
import { headerLineOf, lineOf } from "../../src/collect/recording/serialize.ts";
import { DemoDevice, GIB, POWER_LIMIT_WATTS, STEP_SECONDS, STEPS_PER_SAMPLE } from "./device.ts";
import { type Actor, actors } from "./people.ts";
import { type Random, seededRandom } from "./random.ts";
import { DURATION_SECONDS, firstGpu, GAP, type Scene, sceneAt, secondGpu } from "./story.ts";

export const DEMO_SEED = 20_260_105;
/** Monday, 5 January 2026, 09:00 UTC: a whole hour, so the first window is a whole one. */
export const DEMO_START_MS = Date.UTC(2026, 0, 5, 9);
export const DEMO_FILE = new URL("../../data/demo-simulated.ndjson.gz", import.meta.url);

/** Processes are looked at every so many samples. */
const PROCESS_EVERY = 5;

const NODE: NodeObservation = {
  kind: "node",
  atMs: DEMO_START_MS,
  node: "demo-node",
  source: "simulated",
  simulated: true,
  intervalMs: 1000,
  gpus: [0, 1].map((index) => ({
    index,
    uuid: `GPU-de300000-0000-4000-8000-00000000000${index}`,
    model: "NVIDIA H100 80GB HBM3",
    memoryTotalBytes: 80 * GIB,
    powerLimitWatts: POWER_LIMIT_WATTS,
  })),
};

interface Stage {
  gpu: number;
  device: DemoDevice;
  scenes: readonly Scene[];
}

/** The lines of the demonstration's recording, without line ends. */
export function demoLines(seed: number): string[] {
  const random = seededRandom(seed);
  const stages: Stage[] = [
    { gpu: 0, device: new DemoDevice(random, 48_200_000), scenes: firstGpu(random) },
    { gpu: 1, device: new DemoDevice(random, 51_700_000), scenes: secondGpu(random) },
  ];
  const cast = actors(DEMO_START_MS);
  const lines = [headerLineOf(NODE)];
  for (let second = 0; second < DURATION_SECONDS; second += 1) {
    const readings = stages.map((stage) => live(stage, second));
    const seen = observationsAt(second, readings, cast, random);
    lines.push(...seen.flatMap((observation) => lineOf(observation) ?? []));
  }
  return lines;
}

/** Runs the device through the second before the sample: the sensors speak of what has been. */
function live({ device, scenes }: Stage, second: number): GpuReadings {
  for (let step = 0; step < STEPS_PER_SAMPLE; step += 1) {
    const before = (STEPS_PER_SAMPLE - step) * STEP_SECONDS;
    const { workload, elapsed } = sceneAt(scenes, Math.max(0, second - before));
    device.step(workload(elapsed));
  }
  return device.read();
}

function observationsAt(
  second: number,
  readings: readonly GpuReadings[],
  cast: readonly Actor[],
  random: Random,
): Observation[] {
  const atMs = DEMO_START_MS + second * 1000 + Math.floor(random() * 9);
  if (second >= GAP.fromSecond && second < GAP.toSecond)
    return second === GAP.toSecond - 1 ? [gap()] : [];
  const gpus = readings.map((reading, gpu): Observation => ({
    kind: "gpu",
    atMs,
    gpu,
    ...reading,
  }));
  if (second % PROCESS_EVERY !== 0) return gpus;
  const here = cast.filter((actor) => actor.fromSecond <= second && second < actor.toSecond);
  const processes = readings.map((reading, gpu): Observation => ({
    kind: "processes",
    atMs: atMs + 6,
    gpu,
    list: here.filter((actor) => actor.gpu === gpu).map((actor) => onGpu(actor, reading)),
  }));
  const beside = here.filter((actor) => actor.gpu === undefined).map(({ process }) => process);
  return [...gpus, ...processes, { kind: "host", atMs: atMs + 8, list: beside }];
}

/** Each GPU of the story has one process at most, so its use of the device is the device's. */
function onGpu({ process, memoryBytes }: Actor, reading: GpuReadings): ProcessSighting {
  return {
    ...process,
    smUtil: reading.gpuUtil,
    memUtil: reading.memUtil,
    memUsedBytes: Math.min(memoryBytes ?? 0, reading.memUsedBytes ?? 0),
  };
}

function gap(): Observation {
  return {
    kind: "gap",
    source: "simulated",
    fromMs: DEMO_START_MS + GAP.fromSecond * 1000,
    toMs: DEMO_START_MS + GAP.toSecond * 1000,
    reason: "the sampler was stopped",
  };
}

function main(): void {
  const text = `${demoLines(DEMO_SEED).join("\n")}\n`;
  mkdirSync(dirname(fileURLToPath(DEMO_FILE)), { recursive: true });
  writeFileSync(DEMO_FILE, gzipSync(text, { level: 9 }));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  main();
