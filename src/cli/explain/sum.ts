import { addDeclared } from "../../classify/declared-purpose.ts";
import type { EvidenceModel } from "../../classify/evidence-model.ts";
import type { Evidence } from "../../model/evidence.ts";
import { DECIDABLE_LABELS, type DecidableLabel } from "../../model/label.ts";

/** One number for each label that evidence argues about. */
export type LabelNumbers = Record<DecidableLabel, number>;

/** Equal but for the order in which a computer adds up. */
const SAME_PROBABILITY = 1e-6;

export interface SumInput {
  /** How far the odds of an accusation may fall by what programs declare. */
  maxRelief?: number | undefined;
  evidence: readonly Evidence[];
  /** Absent where the slice was made by another model than the one at hand. */
  model?: EvidenceModel | undefined;
  /** What the windows directly before and after say by themselves; absent where they do not count. */
  before?: LabelNumbers | undefined;
  after?: LabelNumbers | undefined;
  /** The probability that the verdict carries. */
  recorded: number;
}

/** How a score came to be: everything in natural log-odds but `probabilities`. */
export interface Sum {
  prior?: LabelNumbers | undefined;
  /** Sums of the positive and of the negative weights of telemetry. */
  for: LabelNumbers;
  against: LabelNumbers;
  /** What the signs on processes and their connections add. */
  host: LabelNumbers;
  /** What programs openly say they are, before the bound on it. */
  declared: LabelNumbers;
  /** The rest needs the model's prior. */
  whole?: WholeSum | undefined;
}

export interface WholeSum {
  /** This window alone: prior and telemetry. */
  own: LabelNumbers;
  /** What the neighbouring windows moved. */
  pull: LabelNumbers;
  /** What the model's temperature takes from telemetry and start; nothing where it is 1. */
  cooled: LabelNumbers;
  /** What programs declare, as far as it may move an accusation. */
  declared: LabelNumbers;
  counted: readonly ("before" | "after")[];
  total: LabelNumbers;
  temperature: number;
  probabilities: LabelNumbers;
  /** Probabilities of this window without its neighbours. */
  alone: LabelNumbers;
  /** Probabilities without the signs on processes. */
  withoutSigns: LabelNumbers;
  /** Whether all of this gives the probability that the verdict carries. */
  agrees: boolean;
}

/**
 * Computed anew, without the code that labels but for the bound on what programs declare: an
 * explanation must be able to find a mistake there.
 */
export function sumOf(input: SumInput): Sum {
  const { evidence, model } = input;
  const telemetry = evidence.filter(({ family }) => family === "telemetry");
  const weight = (item: Evidence, label: DecidableLabel): number => item.weights[label] ?? 0;
  const total = (items: readonly Evidence[], keep: (weight: number) => boolean): LabelNumbers =>
    byLabel((label) =>
      items.reduce((sum, item) => {
        const added = weight(item, label);
        return keep(added) ? sum + added : sum;
      }, 0),
    );
  const parts = {
    for: total(telemetry, (added) => added > 0),
    against: total(telemetry, (added) => added < 0),
    host: total(
      evidence.filter(({ family }) => family === "host" || family === "network"),
      () => true,
    ),
    declared: total(
      evidence.filter(({ family }) => family === "declared"),
      () => true,
    ),
  };
  if (!model) return parts;
  const prior = byLabel((label) => model.prior.weights[label] ?? 0);
  const own = byLabel((label) => prior[label] + parts.for[label] + parts.against[label]);
  return { prior, ...parts, whole: wholeOf(own, parts.host, model, input) };
}

/**
 * A verdict does not say which neighbours it heard: those by which its probability comes out did.
 * Without any such, the sum of this window's own parts is shown as one that does not agree.
 */
function wholeOf(
  own: LabelNumbers,
  host: LabelNumbers,
  model: EvidenceModel,
  input: SumInput,
): WholeSum {
  const { temperature, neighbourWeight } = model.decision;
  const { maxRelief = Infinity } = input;
  const declaring = input.evidence.filter(({ family }) => family === "declared");
  const made = choices(input).map((chosen): WholeSum => {
    const heard = chosen.map(({ scores }) => scores);
    const smoothed = averaged(own, heard, neighbourWeight);
    const withDeclared = (scores: LabelNumbers): LabelNumbers =>
      addDeclared(scores, declaring, { maxRelief });
    const cool = (scores: LabelNumbers): LabelNumbers =>
      byLabel((label) => scores[label] / temperature);
    const undeclared = byLabel((label) => cool(smoothed)[label] + host[label]);
    const total = withDeclared(undeclared);
    const probabilities = softmax(total);
    const best = Math.max(...Object.values(probabilities));
    return {
      own,
      pull: byLabel((label) => smoothed[label] - own[label]),
      cooled: byLabel((label) => cool(smoothed)[label] - smoothed[label]),
      declared: byLabel((label) => total[label] - undeclared[label]),
      counted: chosen.map(({ side }) => side),
      total,
      temperature,
      probabilities,
      alone: softmax(withDeclared(byLabel((label) => cool(own)[label] + host[label]))),
      withoutSigns: softmax(withDeclared(cool(smoothed))),
      agrees: Math.abs(best - input.recorded) < SAME_PROBABILITY,
    };
  });
  const found = made.find(({ agrees }) => agrees) ?? made.at(-1);
  if (!found) throw new RangeError("no way to add up");
  return found;
}

type Choice = readonly { side: "before" | "after"; scores: LabelNumbers }[];

/** Both neighbours, one of them, none: the likeliest first. */
function choices({ before, after }: SumInput): Choice[] {
  const one = before ? [{ side: "before" as const, scores: before }] : [];
  const other = after ? [{ side: "after" as const, scores: after }] : [];
  const all = [[...one, ...other], one, other, []];
  return all.filter(
    (choice, i) => all.findIndex((c) => c.length === choice.length && c[0] === choice[0]) === i,
  );
}

function averaged(
  own: LabelNumbers,
  neighbours: readonly LabelNumbers[],
  weight: number,
): LabelNumbers {
  const whole = 1 + weight * neighbours.length;
  return byLabel((label) => {
    const around = neighbours.reduce((sum, scores) => sum + scores[label], 0);
    return (own[label] + weight * around) / whole;
  });
}

/** Shares of the odds: e to the power of each score, of all four together. */
export function softmax(scores: LabelNumbers): LabelNumbers {
  const top = Math.max(...Object.values(scores));
  const odds = byLabel((label) => Math.exp(scores[label] - top));
  const sum = Object.values(odds).reduce((acc, share) => acc + share, 0);
  return byLabel((label) => odds[label] / sum);
}

export function byLabel(of: (label: DecidableLabel) => number): LabelNumbers {
  const [training, inference, mining, other] = DECIDABLE_LABELS;
  return {
    [training]: of(training),
    [inference]: of(inference),
    [mining]: of(mining),
    [other]: of(other),
  };
}

/** The labels, the likeliest first. */
export function ranked(numbers: LabelNumbers): DecidableLabel[] {
  return [...DECIDABLE_LABELS].sort((a, b) => numbers[b] - numbers[a]);
}
