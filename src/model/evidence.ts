import type { DecidableLabel } from "./label.ts";

/** Families that fail independently: what telemetry alone suggests, host facts can confirm. */
export type EvidenceFamily = "telemetry" | "host" | "context";

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
