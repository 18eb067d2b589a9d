/**
 * Resolves after `ms` milliseconds, or as soon as `signal` is aborted; never rejects.
 * A timer of Node is at most 2^31 - 1 ms long: a longer wait ends there.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(Math.max(0, Math.ceil(ms)), 2_147_483_647));
    signal?.addEventListener("abort", end, { once: true });
  });
}
