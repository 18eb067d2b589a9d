import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";

/** How a run of nvidia-smi ended, and what it said beside its rows. */
export interface RunEnd {
  code: number | null;
  signal: string | null;
  /** Why it could not be started or had to be stopped. */
  failure?: string | undefined;
  /** The error of the system, such as `ENOENT`, where it could not be started. */
  errno?: string | undefined;
  /** Lines that are no rows: it prints its errors on either stream. */
  messages: readonly string[];
}

/** Why there is nothing to watch. */
export interface Absence {
  reason: string;
  hint?: string | undefined;
}

const REFUSED = /Field "([^"]{1,100})" is not a valid field to query/;

const ABSENCES: readonly (Absence & { pattern: RegExp })[] = [
  {
    pattern: /couldn't communicate with the NVIDIA driver/i,
    reason: "nvidia-smi is installed, but the NVIDIA driver is not loaded",
    hint: "Load the kernel module: modprobe nvidia",
  },
  { pattern: /no devices (?:were )?found/i, reason: "the NVIDIA driver sees no device" },
];

const HINTS: readonly { pattern: RegExp; hint: string }[] = [
  {
    pattern: /driver\/library version mismatch/i,
    hint: "The driver was updated while it ran: reload the kernel module or reboot.",
  },
  {
    pattern: /insufficient permissions/i,
    hint: "Let the agent's user open /dev/nvidiactl and /dev/nvidia*.",
  },
];

/** The column that the driver does not know, if that is why the run ended. */
export function refusedColumn({ messages }: Pick<RunEnd, "messages">): string | undefined {
  for (const line of messages) {
    const [, column] = REFUSED.exec(line) ?? [];
    if (column !== undefined) return column;
  }
  return undefined;
}

/** Why a run found nothing to watch, where that is normal. */
export function absenceOf(end: RunEnd): Absence | undefined {
  const said = end.messages.join("\n");
  const found = ABSENCES.find(({ pattern }) => pattern.test(said));
  return found && { reason: found.reason, hint: found.hint };
}

/** What to tell of a run that failed. @param what the run was for: `nvidia-smi -L` */
export function failureOf(what: string, end: RunEnd): AssayError {
  const said = end.messages.at(-1)?.trim();
  const ended = end.signal === null ? `exit code ${end.code ?? "unknown"}` : `signal ${end.signal}`;
  // What it printed besides rows says more than that no row came.
  const reason = said ? `${end.failure ?? ended}: ${sanitize(said)}` : (end.failure ?? ended);
  const all = end.messages.join("\n");
  const hint = HINTS.find(({ pattern }) => pattern.test(all))?.hint;
  return new AssayError("smi/failed", `${what}: ${reason}`, {
    hint: hint ?? "Run nvidia-smi by hand: it should fail in the same way.",
  });
}
