/**
 * What physics says of each workload, to distrust a campaign by whose recordings say otherwise. The
 * bounds are wide, and nothing is ever labelled by them.
 */
import type { Row } from "./summary.ts";

export interface Verdict {
  workload: string;
  says: string;
  /** Undefined where what it speaks of was not measured. */
  holds: boolean | undefined;
}

interface Expectation {
  of: (row: Row) => boolean;
  says: string;
  /** Undefined where it cannot be told. */
  holds: (row: Row, rows: readonly Row[]) => boolean | undefined;
}

type Measured = number | undefined;
const below = (value: Measured, most: number): boolean | undefined =>
  value === undefined ? undefined : value < most;
const above = (value: Measured, least: number): boolean | undefined =>
  value === undefined ? undefined : value > least;
/** False as soon as one is; else undefined if one is not known. */
const all = (...parts: (boolean | undefined)[]): boolean | undefined =>
  parts.includes(false) ? false : parts.includes(undefined) ? undefined : true;
const larger = (a: Measured, b: Measured, times = 1): boolean | undefined =>
  a === undefined || b === undefined ? undefined : a > times * b;

const named =
  (...names: readonly string[]) =>
  (row: Row): boolean =>
    names.includes(row.workload);
const ofFamily =
  (...names: readonly string[]) =>
  (row: Row): boolean =>
    names.includes(row.family);
const other = (rows: readonly Row[], name: string): Row | undefined =>
  rows.find(({ workload }) => workload === name);

/** Bit 4 of the clock event reasons: the power cap. */
const POWER_CAP = 4;
const gigabytesOf = ({ workload }: Row): number | undefined => {
  const [, text] = /-([\d.]+)gb$/.exec(workload) ?? [];
  return text === undefined ? undefined : Number(text);
};

const EXPECTATIONS: readonly Expectation[] = [
  {
    of: ({ label }) => label === "idle",
    says: "util 0, SM 0, int and tensor 0",
    holds: ({ means }) =>
      all(
        below(means.gpuUtil, 0.02),
        below(means.smActive, 0.02),
        below(means.intActive, 0.02),
        below(means.tensorActive, 0.02),
      ),
  },
  {
    of: named("hold-60gb"),
    says: "memory about 60 GB, and no less power than idle",
    holds: ({ memUsedGB, means }, rows) =>
      all(
        above(memUsedGB, 55),
        below(memUsedGB, 70),
        larger(means.powerWatts, other(rows, "idle")?.means.powerWatts, 0.95),
      ),
  },
  {
    of: ofFamily("sha256d", "keccak", "blake3"),
    says: "util 1, int high, mem, dram and tensor near 0, CV small",
    holds: ({ means, powerCv }) =>
      all(
        above(means.gpuUtil, 0.95),
        above(means.intActive, 0.3),
        below(means.memUtil, 0.1),
        below(means.dramActive, 0.1),
        below(means.tensorActive, 0.02),
        below(powerCv, 0.1),
      ),
  },
  {
    of: ofFamily("ethash", "autolykos"),
    says: "mem and dram high, tensor 0, memory as named plus the context",
    holds: (row) =>
      all(
        above(row.means.memUtil, 0.3),
        above(row.means.dramActive, 0.3),
        below(row.means.tensorActive, 0.02),
        memoryFits(row),
      ),
  },
  {
    of: named("kawpow"),
    says: "int and dram both middle to high",
    holds: ({ means }) => all(above(means.intActive, 0.15), above(means.dramActive, 0.2)),
  },
  {
    of: named("gpt", "resnet50", "vit", "lora"),
    says: "tensor over 0",
    holds: ({ means }) => above(means.tensorActive, 0.005),
  },
  {
    of: named("gpt-accum"),
    says: "util 1 and CV small",
    holds: ({ means, powerCv }) => all(above(means.gpuUtil, 0.95), below(powerCv, 0.1)),
  },
  {
    of: named("burn-in"),
    says: "tensor near the top, power near the limit, clocks held back by the power cap",
    holds: ({ means, powerLimitWatts, clockEventReasons }) =>
      all(
        above(means.tensorActive, 0.5),
        larger(means.powerWatts, powerLimitWatts, 0.85),
        clockEventReasons === undefined ? undefined : (clockEventReasons & POWER_CAP) !== 0,
      ),
  },
  {
    of: named("decode-b1"),
    says: "dram well above tensor",
    holds: ({ means }) => larger(means.dramActive, means.tensorActive, 2),
  },
  {
    of: named("decode-graphs"),
    says: "higher SM use than decode-b1",
    holds: ({ means }, rows) => larger(means.smActive, other(rows, "decode-b1")?.means.smActive),
  },
  {
    of: named("fp64-gemm"),
    says: "dfma or fp64 over 0",
    holds: ({ means: { dfmaActive, fp64Active } }) =>
      above(dfmaActive, 0.01) === true ? true : above(fp64Active, 0.01),
  },
  {
    of: named("matmul-pow-int8"),
    says: "imma over 0, hmma 0",
    holds: ({ means }) => all(above(means.immaActive, 0.01), below(means.hmmaActive, 0.02)),
  },
  {
    of: ({ duty }) => duty !== undefined,
    says: "util near the duty, CV large, more power while it is on",
    holds: ({ means, duty = 0, powerCv, onWatts, offWatts }) =>
      all(
        above(means.gpuUtil, duty - 0.15),
        below(means.gpuUtil, duty + 0.15),
        above(powerCv, 0.1),
        larger(onWatts, offWatts, 1.1),
      ),
  },
  {
    of: () => true,
    says: "the energy counter agrees with the power within a twentieth",
    holds: ({ means, energyWatts }) => {
      const { powerWatts } = means;
      if (powerWatts === undefined || energyWatts === undefined) return undefined;
      return Math.abs(energyWatts - powerWatts) <= 0.05 * powerWatts + 2;
    },
  },
  {
    of: () => true,
    says: "19 of 20 readings are there, and none failed",
    holds: ({ sampledShare, recorderFailures }) => sampledShare > 0.95 && recorderFailures === 0,
  },
  {
    of: ({ parts }) => parts.length > 0,
    says: "its own processes are seen on the device",
    holds: ({ unseenParts }) => unseenParts === 0,
  },
  { of: () => true, says: "nobody else is seen on it", holds: ({ strangers }) => strangers === 0 },
];

function memoryFits(row: Row): boolean | undefined {
  const gigabytes = gigabytesOf(row);
  if (gigabytes === undefined) return undefined;
  return all(above(row.memUsedGB, gigabytes * 0.95), below(row.memUsedGB, gigabytes + 3));
}

/** Every expectation that speaks of one of these recordings. */
export const verdicts = (rows: readonly Row[]): Verdict[] =>
  rows.flatMap((row) =>
    EXPECTATIONS.filter(({ of }) => of(row)).map(({ says, holds }) => ({
      workload: row.workload,
      says,
      holds: holds(row, rows),
    })),
  );

/** Which failed, and how many could not be told. */
export function verdictText(told: readonly Verdict[]): string {
  const failed = told.filter(({ holds }) => holds === false);
  const untold = told.filter(({ holds }) => holds === undefined).length;
  const lines = failed.map(({ workload, says }) => `  not so: ${workload}: ${says}\n`);
  const head = `${told.length - failed.length - untold} of ${told.length} expectations hold`;
  const rest = untold === 0 ? "" : `, ${untold} cannot be told: not measured`;
  return `${head}${rest}\n${lines.join("")}`;
}
