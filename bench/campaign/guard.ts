import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("guard.mjs", import.meta.url));
const NAME = "GPU_ASSAY_CAMPAIGN";

export interface Guard {
  /** To be in the environment of everything that is started. */
  mark: Readonly<Record<string, string>>;
  /** Ends whatever is still there of it. */
  close(): void;
}

/** Starts the process that outlives this one for a moment; see `guard.mjs`. */
export function startGuard(): Guard {
  const mark = randomUUID();
  // Detached: what is sent to the campaign's own group, such as Ctrl-C, must not reach it.
  const child = spawn(process.execPath, [PROGRAM, `${NAME}=${mark}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.stdin.on("error", () => undefined);
  child.unref();
  return { mark: { [NAME]: mark }, close: () => child.stdin.end() };
}
