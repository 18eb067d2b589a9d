/**
 * Fits the additive evidence model to windows with truth: `docs/model.md` has the mathematics.
 * Pure and deterministic: the same windows give the same model to the byte, in any order.
 */
import { type EvidenceModel, evidenceModelSchema } from "../../src/classify/evidence-model.ts";
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import { type Feature, FEATURES } from "../../src/model/signature.ts";
import type { LabelledWindow } from "../labelled.ts";
import { binned, type BinnedFeature, type BinWeights } from "./bins.ts";
import { crossFit, fitAll, sum } from "./cross-fit.ts";
import { designOf, LABEL_COUNT } from "./objective.ts";
import { reasonsOf } from "./reasons.ts";
import { column, familiesOf, rowsOf, thinned, weighed, type WeighedRow } from "./rows.ts";
import { seenRange } from "./seen.ts";
import { thresholds } from "./thresholds.ts";

export interface FitOptions {
  /** Features that may be weighed beyond those of the base model; all that there are. */
  features?: readonly Feature[] | undefined;
  /** Standard deviations from physics to choose from, in log-odds, ascending. */
  looseness?: readonly number[] | undefined;
  /** In place of the base model's version with `-fitted`. */
  version?: string | undefined;
}

type ModelFeature = EvidenceModel["features"][number];

/** What the schema takes. */
const MAX_WEIGHT = 6;
/** Rows of a family and label that the search for the looseness and the thresholds look at. */
const SEARCHED_ROWS = 32;

/**
 * The base model with weights, thresholds, reasons and ranges fitted to the windows; `fitted` is
 * left to whoever knows the files. Windows of rest, of mixtures and of changes are passed over.
 * Without any window to fit, the base model as it is.
 * @throws RangeError for a base that was fitted itself: it would be pulled towards another fit
 */
export function fitModel(
  windows: readonly LabelledWindow[],
  base: EvidenceModel,
  options: FitOptions = {},
): EvidenceModel {
  if (base.fitted) throw new RangeError(`the base model ${base.version} was fitted itself`);
  const rows = weighed(rowsOf(windows, base.activity.windowIdleBelowShare));
  if (rows.length === 0) return base;
  const features = binned(rows, base, options.features ?? FEATURES);
  const design = designOf(rows, features);
  const fewer = designOf(thinned(rows, SEARCHED_ROWS), features);
  const { looseness, heldOut } = crossFit(fewer, base.decision.temperature, options.looseness);
  const weights = sum(design.prior, fitAll(design, looseness));
  const suffix = windows.some(({ result }) => result.simulated) ? "-simulated" : "";
  return evidenceModelSchema.parse({
    ...base,
    version: `${options.version ?? `${base.version}-fitted`}${suffix}`,
    origin: originOf(rows, base, looseness),
    decision: thresholds(base, heldOut),
    features: described(features, weights, rows, base),
  });
}

function originOf(
  rows: Parameters<typeof familiesOf>[0],
  base: EvidenceModel,
  looseness: number,
): string {
  const counts = [...familiesOf(rows)].map(([label, { length }]) => `${length} ${label}`);
  return `Fitted to workload families of known truth (${counts.join(", ")}), beginning from the physics of ${base.version}, which holds where the families say nothing: a weight was expected within ${looseness} of its physics, which did best on families left out.`;
}

/** The features as the model file has them; one that came to weigh nothing is no finding. */
function described(
  features: readonly BinnedFeature[],
  weights: Float64Array,
  rows: readonly WeighedRow[],
  base: EvidenceModel,
): ModelFeature[] {
  const known = new Map(base.features.map((entry) => [entry.feature, entry]));
  let first = 0;
  return features.flatMap((binnedFeature) => {
    const { feature, says, unless, bins, measured } = binnedFeature;
    const own = bins.map((_, bin) => weightsAt(weights, first + bin));
    first += bins.length;
    const before = known.get(feature);
    if (before && measured.length === 0) return [before];
    if (!before && own.every((entry) => Object.keys(entry).length === 0)) return [];
    const reasons = reasonsOf(binnedFeature);
    const entries = bins.map(({ below }, bin) => ({
      ...(below === undefined ? {} : { below }),
      weights: own[bin] ?? {},
      reason: reasons[bin] ?? "",
    }));
    // What is not weighed is looked at all the same when a window is compared with all that was seen.
    const seen = seenRange(column(rows, feature));
    return [
      { feature, ...(seen ? { seen } : {}), says, ...(unless ? { unless } : {}), bins: entries },
    ];
  });
}

function weightsAt(weights: Float64Array, at: number): BinWeights {
  const found: BinWeights = {};
  for (const [place, label] of DECIDABLE_LABELS.entries()) {
    const exact = weights[at * LABEL_COUNT + place] ?? 0;
    const weight = Math.round(Math.min(MAX_WEIGHT, Math.max(-MAX_WEIGHT, exact)) * 100) / 100;
    if (weight !== 0) found[label] = weight;
  }
  return found;
}
