import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where the daemon keeps ledger, keys and calibrations when nobody says: /var/lib for root, as a
 * service, else the XDG state directory of the user.
 */
export function defaultStateDir(
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): string {
  if (env["STATE_DIRECTORY"]) return env["STATE_DIRECTORY"].split(":")[0] ?? "";
  if (isRoot) return "/var/lib/gpu-assay";
  const base = env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state");
  return join(base, "gpu-assay");
}
