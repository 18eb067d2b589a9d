/** `docs/accuracy.md`: everything on it that is no figure is written here. */
import { type LogEntry, logTable } from "./log.ts";
import type { SetKind } from "./result.ts";

export type Sections = Partial<Record<SetKind, string>>;

const NOT_YET: Record<SetKind, string> = {
  own: "None yet: no recording of this project's own exists, so nothing is fitted and this section is empty.\n",
  foreign: "Not scored yet.\n",
};

const mark = (kind: SetKind, end: "begin" | "end"): string => `<!-- ${end}: ${kind} -->`;

/**
 * The page. A section that this run did not score stays as the page had it: whoever has only some of
 * the recordings does not wipe out the rest.
 */
export function pageText(before: string, sections: Sections, log: readonly LogEntry[]): string {
  const section = (kind: SetKind): string => {
    const text = sections[kind] ?? sectionIn(before, kind) ?? NOT_YET[kind];
    return `${mark(kind, "begin")}\n\n${text}\n${mark(kind, "end")}`;
  };
  return `# Accuracy

This page is written by \`npm run accuracy -- DIRECTORY\`, from recordings whose \`truth\` lines the classifier never reads. What the model is,
and how it comes to a label, is in [labels.md](labels.md).

## Recordings of this project's own

In \`bench/recordings\`. Models are fitted on these and on nothing else, and each family of work is judged by a model that saw none of it.

${section("own")}

## Recordings of other people

Public telemetry of real work. It states no licence and is not shipped. Nothing is fitted on it, no figure of it is in any weight, and every scoring is logged below. It was looked at all the same: after physics-1 and physics-2 the features, and with physical reasons some weights, were refined where these recordings showed a failure. So expect less on others.

${section("foreign")}

## Every scoring on recordings of other people

Who looks at the same recordings often enough fits to them by looking. So each look is written down, with the hash of the model's weights.

${logTable(log)}
## How it is counted

- **GPU-seconds.** Each second of each truth line about a device counts, with the final label that stands there (a campaign writes lines that do not overlap; the same bytes under two names are scored once). Seconds without truth are not scored; truth without a label counts as wrong.
- **Several things at once.** Where none of them is mining, naming any one is right. Where one is, only \`mining-like\` is.
- **macro-F1** is the mean of F1 over the classes that the truth holds. \`unknown\` is never right: it lowers recall, never precision.
- **Leave one out.** A family is left out with every recording in which it occurs, a device with every recording of its model. Neighbouring windows are nearly copies: nothing is ever split by window.
- **Confidence** is set against the share that was right, in ten bins; the error is their mean distance, by GPU-seconds.
- **False accusations** have an upper bound by runs, not by seconds. Where some were seen, whole recordings are drawn with replacement, 4,000 times with a fixed seed, and the bound is the 97.5th percentile of the rate.
  Where none was seen, drawing again shows none either; then n runs without one bound the share p of runs that hold one by (1 − p)^n = 2.5 %, which is about 3.7 / n: the rule of three for a two-sided interval of 95 %.
- **Time to detect** runs from the start of the truth to the moment in recorded time at which the verdict was there: at the end of a window (provisional), or one window later (final).
- **Evidence left out** is taken out when windows are labelled; no model is fitted anew for it.
- **Single processes** are judged by the slice of their owner, where the truth speaks of a process.
- **Other methods.** The random forest (50 trees, after arXiv 2606.19262) and the five nearest neighbours see mean, spread, least, most and median of nine NVML signals in each window: utilisation, memory utilisation, memory used, power, temperature,
  both clocks, PCIe in both directions; what is missing is a value of its own, and once more on those signals alone that every run has. Rules: training above 400 W, or tensor cores active for half of the active time, or NVLink beating (deviation over half of a mean above 1 GB/s); training where power varies by more than a tenth of its mean;
  mining where utilisation is 90 % or more and power varies by less than a twentieth. All of them call a window idle below 1 % utilisation. The thresholds were set before they were scored.
- A recording that cannot be read is named, the rest is scored, and the command ends with exit code 1. Simulated recordings are never scored.
`;
}

function sectionIn(page: string, kind: SetKind): string | undefined {
  const [begin, end] = [mark(kind, "begin"), mark(kind, "end")];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) return undefined;
  return `${page.slice(from + begin.length, to).trim()}\n`;
}
