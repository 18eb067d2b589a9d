/** Waits that double from the first to the longest, both in milliseconds. */
export interface BackoffSettings {
  firstMs: number;
  maxMs: number;
}

/** The wait before the next attempt after `failures` failures in a row (1 or more). */
export function backoffMs(settings: BackoffSettings, failures: number): number {
  return Math.min(settings.maxMs, settings.firstMs * 2 ** (Math.max(1, failures) - 1));
}
