/**
 * Waiting without a busy core. While an answer of the device is pending, the library asks for it in
 * a loop of its own that never rests: here the whole thread is put to sleep between two questions.
 * Only for a process that has nothing else to do.
 */

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Timers have a grain of a millisecond: below this the thread itself sleeps, to the microsecond. */
const SHORT_SECONDS = 0.02;

/** Between two questions: a tenth of the time waited so far, so that it is off by no more. */
const SHARE = 0.1;
const SHORTEST_MS = 0.05;
const LONGEST_MS = 2;

/** Stops the thread. Nothing else of it runs meanwhile. */
function stopThread(ms: number): void {
  Atomics.wait(cell, 0, 0, ms);
}

/** Sleeps for exactly this long where it is short, else by `delay`. */
export async function sleepQuietly(
  seconds: number,
  delay: (ms: number) => Promise<unknown>,
): Promise<void> {
  if (seconds <= 0) return;
  if (seconds > SHORT_SECONDS) await delay(seconds * 1000);
  else stopThread(seconds * 1000);
}

/** Waits for `pending`, asking ever more seldom. */
export async function quietly<T>(pending: Promise<T>, now: () => number): Promise<T> {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  pending.then(settle, settle);
  const startedAt = now();
  while (!state.isSettled) {
    const waitedMs = (now() - startedAt) * 1000;
    stopThread(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waitedMs * SHARE)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return pending;
}
