import type { Indicators } from "../../classify/host/indicator-data.ts";
import { hostEvidence } from "../../classify/host-evidence.ts";
import { listsOf } from "../../classify/host/lists.ts";
import { whyNot } from "../../classify/host/miner.ts";
import { areConfirmed, type Signs, signsOf } from "../../classify/host/signs.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";

/** What processes match, each with why it counts or does not. */
export function checkText(processes: readonly ProcessSighting[], indicators: Indicators): string {
  const lists = listsOf(indicators);
  const lines = processes.flatMap((process) => {
    const signs = signsOf(process, lists);
    const beside = hostEvidence([process], indicators).filter(
      ({ feature }) => feature !== "minerProcess" && feature !== "minerHint",
    );
    return [
      ...signs.found.map(({ kind, text }) => `  ${kind.padEnd(20)} ${sanitize(text, 120)}`),
      ...beside.map(evidenceLine),
      verdict(signs, indicators),
    ];
  });
  return `${[`indicators ${indicators.version}`, ...lines].join("\n")}\n`;
}

export function evidenceLine({ feature, text, weights }: Evidence): string {
  const weight = weights["mining-like"];
  const counted = weight === undefined ? "adds nothing" : `adds +${weight} to mining-like`;
  return `  ${feature.padEnd(20)} ${sanitize(text, 600)} (${counted})`;
}

function verdict(signs: Signs, { weights }: Indicators): string {
  if (areConfirmed(signs))
    return `a miner: independent signs on one process add +${weights.minerProcess} to mining-like`;
  if (signs.role === "reader")
    return "no miner: its arguments are what it looks at, and it holds no GPU, so that they say nothing";
  if (signs.found.length === 0) return "no miner: nothing of it is listed";
  return `not counted: ${whyNot(signs)}; it takes two kinds of signs, one of them hardly chance, on a process that is what it says`;
}
