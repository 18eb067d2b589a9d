import type { BenchReport } from "../../src/cli/bench/report.ts";
import { reportText } from "../../src/cli/bench/text.ts";
import { siText } from "../../src/model/rate-text.ts";
import { KERNELS } from "../../src/probe/kernels/all.ts";
import { table } from "../print.ts";
import type { Spread } from "../statistics.ts";
import type { CoreRate } from "./hashes.ts";
import type { MatmulLine } from "./plan.ts";

export function ratesText(report: BenchReport): string {
  return `\nassay bench\n${reportText(report, KERNELS)}`;
}

/** One size: rates, and how many times our time each peer took. */
export function matmulText({ side, rounds, variant, rows }: MatmulLine): string {
  const shape = Object.entries(variant)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
  const lines = rows.map(({ name, version, flopPerSecond, timesOurs, failure }) => [
    `${name} ${version}`,
    flopPerSecond ? siText(flopPerSecond.median, "FLOP/s") : "failed",
    timesOurs ? timesText(timesOurs) : (failure ?? ""),
  ]);
  return `
f32 product ${side} x ${side} x ${side}, ${rounds} interleaved rounds; our shape: ${shape || "the only one"}
${table([["", "rate", "times our time, median (lowest to highest)"], ...lines])}`;
}

/** Our kernels on the adapter beside the same hash on one core of this machine. */
export function hashesText(report: BenchReport, cores: readonly CoreRate[]): string {
  const lines = cores.map(({ kernel, library, hashesPerSecond }) => {
    const own = report.kernels.find((each) => each.kernel === kernel);
    const rate = own?.outcome === "measured" ? own.ratePerSecond : undefined;
    return [
      kernel,
      rate === undefined ? "-" : siText(rate, "hash/s"),
      library,
      siText(hashesPerSecond.median, "hash/s"),
      rate === undefined ? "-" : `${(rate / hashesPerSecond.median).toFixed(1)} times`,
    ];
  });
  return `
Hashes beside one core of this machine
${table([["kernel", "on the adapter", "library", "one core", "adapter over core"], ...lines])}`;
}

function timesText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
}
