/** One bucket of the recent past. Buckets without a sample are not kept at all. */
export interface ContextBucket {
  /** Counted from the epoch. */
  number: number;
  wattsSum: number;
  wattsCount: number;
  busy: number;
  resting: number;
  lowestUtil: number | undefined;
  highestUtil: number | undefined;
  lowestHeldBytes: number;
  highestHeldBytes: number;
}
