/** What a slice of GPU time looks like. `unknown` is an honest verdict, not a failure. */
export const LABELS = [
  "idle",
  "training-like",
  "inference-like",
  "mining-like",
  "other",
  "unknown",
] as const;

export type Label = (typeof LABELS)[number];

/**
 * The labels that evidence argues about. `idle` is measured, not argued; `unknown` is what is left
 * when no label wins.
 */
export const DECIDABLE_LABELS = [
  "training-like",
  "inference-like",
  "mining-like",
  "other",
] as const satisfies readonly Label[];

export type DecidableLabel = (typeof DECIDABLE_LABELS)[number];
