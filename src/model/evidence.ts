import type { DecidableLabel } from "./label.ts";

/**
 * Families that fail independently: what telemetry alone suggests, facts of processes (`host`) and of
 * their connections (`network`) can confirm.
 * `declared` is what a program openly says it is: cheap and easy to fake, so it weighs little, never
 * for or against an accusation, and is no family that confirms one. `context` weighs nothing.
 */
export const EVIDENCE_FAMILIES = ["telemetry", "host", "network", "declared", "context"] as const;

export type EvidenceFamily = (typeof EVIDENCE_FAMILIES)[number];

/** One reason for or against labels, in words and numbers that an accused person could check. */
export interface Evidence {
  family: EvidenceFamily;
  feature: string;
  value?: number | string | undefined;
  /** A sentence; never holds an unescaped string of the observed process. */
  text: string;
  /** Log-odds (natural) this adds to each label; a label not named is not touched. */
  weights: Partial<Record<DecidableLabel, number>>;
}
