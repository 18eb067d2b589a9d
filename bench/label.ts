/**
 * How fast samples become labels, on one core: the pipeline alone, without files and ledger. Beside
 * it, in the same rounds, the least that any consumer of the same samples does: copy each object.
 */
import type { Observation } from "../src/model/observation.ts";
import { type Built, loadBuilt } from "./built.ts";
import { GPU_COUNT, simulatedNode, simulatedTicks } from "./simulated-node.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** What a node is read like: samples a second, and how often processes are listed. */
const CASES = [
  { hz: 10, listsEverySeconds: 1, name: "10 Hz, processes once a second" },
  { hz: 10, listsEverySeconds: 0.1, name: "10 Hz, processes as often" },
  { hz: 10, listsEverySeconds: undefined, name: "10 Hz, no processes" },
  { hz: 1, listsEverySeconds: 1, name: "1 Hz, processes as often" },
] as const;
const SAMPLES = 96_000;
const REPETITIONS = 7;

export interface LabelRow {
  name: string;
  samples: number;
  windows: number;
  /** GPU-samples per second of one core's time. */
  samplesPerSecond: Spread;
  /** Of processor time, all threads of the process (collections of garbage run beside). */
  cpuMicroseconds: Spread;
  /** Processor time as a multiple of copying each observation. */
  timesCopy: Spread;
}

export async function measureLabels(): Promise<LabelRow[]> {
  const built = await loadBuilt();
  return CASES.map((each) => measure(each, built));
}

function measure({ hz, listsEverySeconds, name }: (typeof CASES)[number], built: Built): LabelRow {
  const node = simulatedNode(hz);
  const every = listsEverySeconds === undefined ? 0 : Math.round(listsEverySeconds * hz);
  const seconds = SAMPLES / GPU_COUNT / hz;
  const ticks = [...simulatedTicks(hz, seconds)].map((seen, i) =>
    seen.filter(({ kind }) => kind !== "processes" || (every > 0 && i % every === 0)),
  );
  const taken: { wall: number; cpu: number; copy: number }[] = [];
  let windows = 0;
  for (let round = 0; round <= REPETITIONS; round += 1) {
    const copy = timed(() => void ticks.map((seen) => seen.map((each) => ({ ...each }))));
    const label = timed(() => {
      windows = labelled(ticks, node, built);
    });
    // The first round compiles, and does not count.
    if (round > 0) taken.push({ wall: label.wall, cpu: label.cpu, copy: copy.cpu });
  }
  const samples = ticks.length * GPU_COUNT;
  return {
    name,
    samples,
    windows,
    samplesPerSecond: spreadOf(taken.map(({ wall }) => samples / wall)),
    cpuMicroseconds: spreadOf(taken.map(({ cpu }) => (1e6 * cpu) / samples)),
    timesCopy: spreadOf(taken.map(({ cpu, copy }) => cpu / copy)),
  };
}

function labelled(
  ticks: readonly (readonly Observation[])[],
  node: Observation,
  { recordingPipeline }: Built,
): number {
  const pipeline = recordingPipeline();
  let windows = 0;
  const push = (observation: Observation): void => {
    for (const { kind } of pipeline.push(observation)) if (kind === "final") windows += 1;
  };
  push(node);
  for (const seen of ticks) {
    for (const each of seen) push(each);
    const atMs = seen[0]?.kind === "gpu" ? seen[0].atMs : undefined;
    if (atMs !== undefined) push({ kind: "tick", atMs });
  }
  return windows + pipeline.flush().filter(({ kind }) => kind === "final").length;
}

function timed(work: () => void): { wall: number; cpu: number } {
  const [fromMs, fromCpu] = [performance.now(), process.cpuUsage()];
  work();
  const { user, system } = process.cpuUsage(fromCpu);
  return { wall: (performance.now() - fromMs) / 1000, cpu: (user + system) / 1e6 };
}
