import { group } from "d3-array";
import type { Random } from "../demo/random.ts";
import type { Piece } from "./overlay.ts";

/** GPU-seconds in 1,000 GPU-hours. */
const SECONDS_IN_1000_HOURS = 3.6e6;
const DRAWS = 4000;
/** The upper end of a two-sided interval of 95 %. */
const UPPER = 0.975;

/** False accusations as a rate, with how high it may be by what these recordings can show. */
export interface FalseMining {
  falseSeconds: number;
  /** GPU-seconds of truth that were no mining. */
  otherSeconds: number;
  /** False GPU-seconds in 1,000 GPU-hours of work that is no mining. */
  per1000Hours: number;
  upperPer1000Hours: number;
  /**
   * `bootstrap`: recordings drawn again and again. `no-event`: nothing false was seen, so only the
   * number of independent runs bounds the share of runs in which something would be.
   */
  method: "bootstrap" | "no-event";
  /** Recordings with truth that is no mining, and the families of work that they are of. */
  runs: number;
  families: number;
  runsWithAny: number;
  /** Where nothing false was seen: up to this share of such runs, and of such families, may hold it. */
  upperShareOfRuns?: number | undefined;
  upperShareOfFamilies?: number | undefined;
}

interface Cluster {
  falseSeconds: number;
  otherSeconds: number;
}

/**
 * Neighbouring windows of one run are nearly copies, and so are the devices of one job: seconds are
 * no independent trials. Recordings are what is drawn, and without an event they are what is counted.
 * @returns undefined where all truth is mining
 */
export function falseMiningOf(pieces: readonly Piece[], random: Random): FalseMining | undefined {
  const others = pieces.filter(({ truth, seconds }) => truth !== "mining-like" && seconds > 0);
  if (others.length === 0) return undefined;
  const byRecording = [...group(others, ({ recording }) => recording)];
  const clusters = byRecording
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, own]) => clusterOf(own));
  const families = new Set(others.map(({ family }) => family)).size;
  const whole = clusterOf(others);
  const shared = {
    ...whole,
    per1000Hours: rate(whole),
    runs: clusters.length,
    families,
    runsWithAny: clusters.filter(({ falseSeconds }) => falseSeconds > 0).length,
  };
  if (whole.falseSeconds > 0)
    return { ...shared, method: "bootstrap", upperPer1000Hours: bootstrapUpper(clusters, random) };
  const upperShareOfRuns = noEventShare(clusters.length);
  return {
    ...shared,
    method: "no-event",
    upperShareOfRuns,
    upperShareOfFamilies: noEventShare(families),
    // At worst such a run is accused from its beginning to its end.
    upperPer1000Hours: upperShareOfRuns * SECONDS_IN_1000_HOURS,
  };
}

/**
 * How common an event may be that none of so many independent trials showed: with this share, none
 * would be seen once in forty times. About 3.7 / trials where these are many.
 */
export function noEventShare(trials: number): number {
  return 1 - (1 - UPPER) ** (1 / trials);
}

/** The upper end of the interval over whole recordings drawn with replacement. */
export function bootstrapUpper(clusters: readonly Cluster[], random: Random): number {
  const rates = Array.from({ length: DRAWS }, () => {
    const drawn = clusters.flatMap(() => clusters[Math.floor(random() * clusters.length)] ?? []);
    return rate({
      falseSeconds: drawn.reduce((acc, each) => acc + each.falseSeconds, 0),
      otherSeconds: drawn.reduce((acc, each) => acc + each.otherSeconds, 0),
    });
  }).sort((a, b) => a - b);
  return rates[Math.ceil(UPPER * DRAWS) - 1] ?? Number.NaN;
}

function clusterOf(pieces: readonly Piece[]): Cluster {
  const otherSeconds = pieces.reduce((acc, { seconds }) => acc + seconds, 0);
  const falseSeconds = pieces.reduce(
    (acc, { said, seconds }) => acc + (said === "mining-like" ? seconds : 0),
    0,
  );
  return { falseSeconds, otherSeconds };
}

function rate({ falseSeconds, otherSeconds }: Cluster): number {
  return (falseSeconds / otherSeconds) * SECONDS_IN_1000_HOURS;
}
