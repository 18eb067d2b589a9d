import type { GpuSample, ProcessSample } from "../../src/model/sample.ts";
import { scenarioOf } from "../../src/simulate/scenario.ts";
import { simulate, type SimulatedLine } from "../../src/simulate/simulate.ts";
import { specOf } from "../../src/simulate/spec-yaml.ts";
import { evaluationLineOf, type TruthLine } from "../../src/simulate/truth.ts";
import { headerLineOf, lineOf } from "../../src/collect/recording/serialize.ts";

/** Sensors that say what is, at once. */
export const EXACT = {
  powerAverage: "0s",
  powerRefresh: "0s",
  utilWindow: "10ms",
  powerNoise: 0,
  counterNoise: 0,
};

/** What a spec in code comes to, line by line. */
export function linesOf(spec: object, seed?: number): SimulatedLine[] {
  return [...simulate(scenarioOf(specOf(spec), seed))].flat();
}

/** The same as a recording's text. */
export function textOf(lines: readonly SimulatedLine[]): string {
  return lines
    .map((line, i) => {
      if (line.kind === "truth" || line.kind === "phase") return `${evaluationLineOf(line)}\n`;
      if (line.kind === "node" && i === 0) return `${headerLineOf(line)}\n`;
      return `${lineOf(line) ?? ""}\n`;
    })
    .join("");
}

export function samples(lines: readonly SimulatedLine[], gpu: number): GpuSample[] {
  return lines.filter((line): line is GpuSample => line.kind === "gpu" && line.gpu === gpu);
}

export function sightings(lines: readonly SimulatedLine[], gpu: number): ProcessSample[] {
  return lines.filter(
    (line): line is ProcessSample => line.kind === "processes" && line.gpu === gpu,
  );
}

export function truths(lines: readonly SimulatedLine[], gpu: number): TruthLine[] {
  return lines.filter((line): line is TruthLine => line.kind === "truth" && line.gpu === gpu);
}

export function mean(list: readonly number[]): number {
  return list.reduce((sum, each) => sum + each, 0) / list.length;
}

/** Pearson's, of two series of one length. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((each, i) => (each - meanA) * ((b[i] ?? 0) - meanB)));
  const spread = (of: readonly number[], around: number): number =>
    Math.sqrt(mean(of.map((each) => (each - around) ** 2)));
  return covariance / (spread(a, meanA) * spread(b, meanB));
}
