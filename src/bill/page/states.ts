import type { Charge } from "../report-types.ts";

/**
 * What GPU time was, to a reader of the page: the label of what was used, and what was not. Each
 * GPU-millisecond is in exactly one state.
 */
export const STATES = [
  "training-like",
  "inference-like",
  "other",
  "nearly-idle",
  "unknown",
  "mining-like",
  "held",
  "idle",
  "unobserved",
] as const;

export type State = (typeof STATES)[number];

/** States of time that somebody used, or seemed to. */
export const USED_STATES = [
  "training-like",
  "inference-like",
  "other",
  "nearly-idle",
  "unknown",
  "mining-like",
] as const satisfies readonly State[];

/** Money that bought nothing anybody can vouch for, the plainest case first. */
export const WASTE = [
  "held",
  "mining-like",
  "unknown",
  "unobserved",
  "idle",
] as const satisfies readonly State[];

export const STATE_WORDS: Readonly<Record<State, { name: string; meaning: string }>> = {
  "training-like": {
    name: "Training-like",
    meaning: "Looked like a model being trained.",
  },
  "inference-like": {
    name: "Inference-like",
    meaning: "Looked like a model answering requests.",
  },
  other: { name: "Other", meaning: "Work that is neither: graphics, simulation, probes." },
  "nearly-idle": {
    name: "Nearly idle",
    meaning: "An owner’s short use in a window that was idle as a whole.",
  },
  unknown: { name: "Unknown", meaning: "Busy, and nothing fitted well enough to be named." },
  "mining-like": { name: "Mining-like", meaning: "Looked like the search for hashes." },
  held: {
    name: "Held idle",
    meaning: "The device did nothing while an owner held it.",
  },
  idle: { name: "Idle, free", meaning: "The device did nothing and nobody held it." },
  unobserved: {
    name: "Not observed",
    meaning: "Nobody measured: it may have been anything.",
  },
};

/** The state of a charge and a label. */
export function stateOf(charge: Charge, label: string): State {
  if (charge !== "used") return charge;
  if (label === "idle") return "nearly-idle";
  return USED_STATES.find((state) => state === label) ?? "unknown";
}
