/** The command line or a file that was named is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A workload, or its recording, went wrong: it is thrown away, and tried again by the next call. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** A workload says that it cannot run on this machine: it is noted, and not tried again. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Somebody asked the campaign to end. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
