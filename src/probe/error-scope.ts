import { ChildFailure, messageOf } from "./child-failure.ts";

const FILTERS = ["validation", "out-of-memory", "internal"] as const;

/**
 * Runs GPU calls under an error scope of every kind, so that no error goes to the void.
 * `calls` must issue all its GPU calls before its first await: scopes are a stack per device.
 * @throws ChildFailure `refused` naming `what`, when the device reports an error or a call throws.
 */
export async function scoped<T>(
  device: GPUDevice,
  what: string,
  calls: () => T | Promise<T>,
): Promise<T> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  const outcome = settle(calls);
  const scopes = FILTERS.map(() => device.popErrorScope());
  const result = await outcome;
  const reported = (await Promise.all(scopes)).find((error) => error !== null);
  if (reported) throw new ChildFailure("refused", `${what}: ${reported.message}`);
  if (!result.ok) {
    throw new ChildFailure("refused", `${what}: ${messageOf(result.error)}`, result.error);
  }
  return result.value;
}

type Settled<T> = { ok: true; value: T } | { ok: false; error: unknown };

/** Calls synchronously and keeps a throw as a value, so that every pushed scope is popped. */
function settle<T>(calls: () => T | Promise<T>): Promise<Settled<T>> {
  try {
    return Promise.resolve(calls()).then(
      (value) => ({ ok: true as const, value }),
      (error: unknown) => ({ ok: false as const, error }),
    );
  } catch (error) {
    return Promise.resolve({ ok: false, error });
  }
}
