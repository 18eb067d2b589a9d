import type { NodeObservation, Observation } from "../model/observation.ts";
import { WallClock } from "./clock.ts";
import { Faults } from "./faults.ts";
import { type Random, streamOf } from "./random.ts";
import type { Scenario, ScenarioGpu } from "./scenario.ts";
import { MEASURED } from "./sensors.ts";
import { besideOf, launchesOf, type Look, mpsServerOf, sightingOf } from "./sightings.ts";
import { type Cast, castsOf, type DeviceStage, stagesOf } from "./stage.ts";
import { type PhaseLine, truthsOf, type TruthLine } from "./truth.ts";

export type SimulatedLine = Observation | TruthLine | PhaseLine;

/** What simulates calls itself in every recording that it makes. */
const SOURCE = "simulated";

/** The first line. That it is simulated is no setting: nothing turns it off. */
export function headerOf({ node, gpus }: Scenario): NodeObservation {
  return {
    kind: "node",
    atMs: node.start,
    node: node.name,
    source: SOURCE,
    simulated: true,
    intervalMs: node.interval * 1000,
    gpus: gpus.map(({ index, uuid, model, powerLimitWatts, sensors }) => ({
      index,
      uuid,
      model: model.name,
      memoryTotalBytes: model.memoryBytes,
      powerLimitWatts,
      measuredWith: measuredWith(sensors.counters),
    })),
  };
}

/**
 * A recording, tick by tick: the first has the header and all truths, each other what is seen at one
 * moment. Nothing is kept of what was given out. The same scenario gives the same lines everywhere.
 */
export function* simulate(scenario: Scenario): Generator<SimulatedLine[]> {
  const run = new Run(scenario);
  yield [headerOf(scenario), ...run.truths()];
  const { length, interval } = scenario.node;
  const ticks = Math.max(1, Math.round(length / interval));
  for (let tick = 0; tick < ticks; tick += 1) yield run.tick(tick);
  const rest = run.end();
  if (rest.length > 0) yield rest;
}

class Run {
  readonly #scenario: Scenario;
  readonly #casts: readonly Cast[];
  readonly #stages: readonly DeviceStage[];
  readonly #clock: WallClock;
  readonly #faults: Faults;
  readonly #jitter: Random;
  readonly #drops: Random;
  /** Moments to an interval. */
  readonly #moments: number;
  /** A look at the processes every so many ticks; 0 for never. */
  readonly #lookEvery: number;
  readonly #phases: Map<string, boolean> = new Map();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const { node, seed } = scenario;
    this.#casts = castsOf(scenario);
    this.#stages = stagesOf(scenario, this.#casts);
    this.#clock = new WallClock(scenario);
    this.#faults = new Faults(scenario);
    this.#jitter = streamOf(seed, "jitter");
    this.#drops = streamOf(seed, "drops");
    this.#moments = Math.ceil(node.interval / node.resolution - 1e-9);
    this.#lookEvery =
      node.processes === 0 ? 0 : Math.max(1, Math.round(node.processes / node.interval));
  }

  truths(): TruthLine[] {
    return truthsOf(this.#scenario, (second) => this.#clock.at(second));
  }

  /** What is seen at a tick; the interval before it is lived through first. */
  tick(tick: number): SimulatedLine[] {
    const { interval, jitter } = this.#scenario.node;
    const second = this.#secondOf(tick * this.#moments);
    const lines: SimulatedLine[] = [];
    const looks = this.#lookEvery > 0 && tick % this.#lookEvery === 0;
    // The driver's books of processes go back one sampling period, as its utilisation does.
    if (looks)
      for (const { players } of this.#stages)
        for (const { process } of players) process.readBooks();
    for (let i = (tick - 1) * this.#moments; i < tick * this.#moments; i += 1)
      lines.push(...this.#moment(this.#secondOf(i), interval / this.#moments));
    const late = Math.floor(this.#jitter() * jitter * 1000) / 1000;
    lines.push(...this.#faults.ended(second, this.#clock));
    for (const stage of this.#stages) lines.push(...this.#reading(stage, second, late));
    if (looks) lines.push(...this.#look(second, late));
    return lines;
  }

  /** Gaps that the recording ends in. */
  end(): SimulatedLine[] {
    return this.#faults.ended(Infinity, this.#clock);
  }

  /** Multiplied before it is divided: whole milliseconds stay whole. */
  #secondOf(moment: number): number {
    return (moment * this.#scenario.node.interval * 1000) / this.#moments / 1000;
  }

  #moment(second: number, wall: number): PhaseLine[] {
    for (const { gpu, sensors } of this.#stages) sensors.observe(gpu.advance(second, wall));
    return second < 0 ? [] : this.#phasesAt(second);
  }

  #phasesAt(second: number): PhaseLine[] {
    return this.#casts.flatMap(({ job, rhythm }): PhaseLine[] => {
      const { name } = job;
      if (!rhythm || second < job.worksFromSecond) return [];
      const on = second < job.worksToSecond && rhythm.isOn(second);
      if ((this.#phases.get(name) ?? false) === on) return [];
      this.#phases.set(name, on);
      return [{ kind: "phase", atMs: this.#clock.at(second), on, name }];
    });
  }

  #reading({ of, sensors }: DeviceStage, second: number, late: number): Observation[] {
    const readings = this.#faults.stuck(of.index, second, sensors.read());
    const dropped = this.#drops() < this.#scenario.faults.drops;
    if (dropped || this.#faults.isSilent(second, of.index)) return [];
    return [{ kind: "gpu", atMs: this.#clock.at(second + late), gpu: of.index, ...readings }];
  }

  #look(second: number, late: number): Observation[] {
    const at = second + late;
    const { interval } = this.#scenario.node;
    const windowSeconds = second === 0 ? interval : this.#lookEvery * interval;
    const found = this.#stages.flatMap(({ of, players }): Observation[] => {
      const { counters } = of.sensors;
      const look: Look = {
        second: at,
        intervalSeconds: interval,
        windowSeconds,
        clock: this.#clock,
        counters,
      };
      const here = players.filter(
        ({ job, process }) => process.isAlive(second) && job.hidden !== true,
      );
      const served = of.mpsPid === undefined ? [] : [mpsServerOf(of.mpsPid, look)];
      const list = [...here.map((player) => sightingOf(player, look)), ...served];
      const traced = here.filter(({ job }) => job.launches);
      const launches = traced.flatMap((player) => launchesOf(player, look) ?? []);
      if (this.#faults.isSilent(second, of.index)) return [];
      const processes = { kind: "processes", gpu: of.index, list } as const;
      return [{ ...processes, atMs: this.#clock.at(at) }, ...launches];
    });
    const { host } = this.#scenario;
    if (!host || this.#faults.isSilent(second)) return found;
    const { length } = this.#scenario.node;
    const beside = host.filter(({ from = 0, to = length }) => from <= second && second < to);
    const list = beside.map((process) => besideOf(process, this.#clock));
    return [...found, { kind: "host", atMs: this.#clock.at(at), list }];
  }
}

function measuredWith(counters: ScenarioGpu["sensors"]["counters"]): Record<string, string> {
  return Object.fromEntries(MEASURED[counters].map((quantity) => [quantity, SOURCE]));
}
