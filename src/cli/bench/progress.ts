import { percentText, siText } from "../../model/rate-text.ts";
import { adapterName } from "../../probe/device-process.ts";
import type { MeasureStage } from "../../probe/measure.ts";
import type { CommandIo } from "../io.ts";
import type { BenchOutcome, BenchWatcher } from "./run.ts";
import { SOFTWARE } from "./text.ts";

/** Verifying and measuring take long enough to be told; the steps between them do not. */
const TOLD: Partial<Record<MeasureStage, string>> = {
  tune: "tune",
  verify: "verify",
  run: "measure",
};

/** One line a kernel: what is done, as it is done, and what came of it. */
export function progressOf(io: CommandIo): BenchWatcher {
  let mark = "";
  let isSearched = true;
  let begun: string | undefined;
  const begin = (name: string): void => {
    if (begun !== name) io.stderr(`${name}${mark}:`);
    begun = name;
  };
  return {
    opened(adapter) {
      isSearched = !adapter.software;
      mark = adapter.software ? ` (${SOFTWARE})` : "";
      io.stderr(`on ${adapterName(adapter)}${mark}; Ctrl-C ends it with what was measured\n`);
    },
    stage({ name }, stage) {
      begin(name);
      const told = TOLD[stage];
      if (told && (isSearched || stage !== "tune")) io.stderr(` ${told}`);
    },
    done(outcome) {
      // What was not begun is told in the table alone.
      if (outcome.kind === "skipped" && begun !== outcome.kernel.name) return;
      begin(outcome.kernel.name);
      io.stderr(` ${outcomeText(outcome)}\n`);
      if (outcome.kind === "failed") io.stderr(`${outcome.error.report()}\n`);
    },
  };
}

function outcomeText(outcome: BenchOutcome): string {
  switch (outcome.kind) {
    case "measured": {
      const { ratePerSecond, rateSpread } = outcome.summary;
      const spread = rateSpread === undefined ? "" : `, spread ${percentText(rateSpread)}`;
      return `- ${siText(ratePerSecond, outcome.kernel.unit)}${spread}`;
    }
    case "failed":
      return "- FAILED";
    case "lacking":
      return "- not run: the adapter lacks something for it";
    case "skipped":
      return "- stopped";
  }
}
