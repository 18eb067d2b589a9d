import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { sanitize } from "../model/text.ts";

/** By what right a process may have a mount namespace of its own: as root, or in a user namespace. */
export type NamespaceMode = "root" | "user";

export interface NamespaceAbility {
  mode?: NamespaceMode | undefined;
  /** Why not, for people; absent where there is a mode. */
  reason?: string | undefined;
}

/**
 * Puts a small file system in place of the device folder, with the named entries of the old one in
 * it and nothing else, and becomes the program that follows. It is constant; names come as
 * arguments. Read-only in the end, since NVIDIA's library makes device files that it misses.
 *
 * $1: the device folder; then names below it, `--`, and the program with its arguments
 */
const SCRIPT = `
set -eu
folder=$1
shift
exec 9<"$folder"
mount -t tmpfs -o mode=0755,nosuid,noexec,size=64k tmpfs "$folder"
while [ "$1" != -- ]; do
  old=/proc/self/fd/9/$1
  new=$folder/$1
  case $1 in */*) mkdir -p "\${new%/*}" ;; esac
  if [ -L "$old" ]; then
    ln -s "$(readlink "$old")" "$new"
  elif [ -d "$old" ]; then
    mkdir -p "$new"
    mount --no-canonicalize --rbind "$old" "$new"
  elif [ -e "$old" ]; then
    : > "$new"
    mount --no-canonicalize --bind "$old" "$new"
  fi
  shift
done
shift
mount -o remount,bind,ro,nosuid,noexec "$folder"
exec 9<&-
exec "$@"
`;

const UNSHARE: Readonly<Record<NamespaceMode, readonly string[]>> = {
  root: ["unshare", "--mount", "--propagation", "private"],
  // Mounting asks for user 0, which is this user here and nobody's superior.
  user: ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"],
};

/** Below the device folder: what any process needs, and what all of a vendor's GPUs share. */
const SHARED_NODES = [
  "null",
  "zero",
  "full",
  "random",
  "urandom",
  "tty",
  "shm",
  "fd",
  "stdin",
  "stdout",
  "stderr",
  "nvidiactl",
  "nvidia-modeset",
  "nvidia-uvm",
  "nvidia-uvm-tools",
  "nvidia-caps",
] as const;

/**
 * Program and arguments to put before a program's own, so that of the GPUs it sees those with
 * `nodes` only, which are names below the device folder such as `nvidia0` or `dri/renderD128`.
 * It keeps its pid: everything on the way ends with `exec`.
 */
export function privateDevices(
  mode: NamespaceMode,
  nodes: readonly string[],
  deviceFolder = "/dev",
): string[] {
  const names = [...SHARED_NODES, ...nodes];
  return [...UNSHARE[mode], "--", "sh", "-c", SCRIPT, "sh", deviceFolder, ...names, "--"];
}

const TRIAL_LIMIT_MS = 5000;

/** Tries it. Never throws: where it cannot be done, the reason is in the system's own words. */
export async function namespaceAbility(
  isRoot: boolean,
  deviceFolder = "/dev",
): Promise<NamespaceAbility> {
  const modes: readonly NamespaceMode[] = isRoot ? ["root", "user"] : ["user"];
  let reason = "";
  for (const mode of modes) {
    const [program = "", ...args] = privateDevices(mode, [], deviceFolder);
    try {
      await promisify(execFile)(program, [...args, "true"], { timeout: TRIAL_LIMIT_MS });
      return { mode };
    } catch (error) {
      reason = sanitize(saidBy(error));
    }
  }
  return { reason: `no mount namespace of its own can be had here: ${reason}` };
}

/** What the program said first, or why it could not be started. */
function saidBy(error: unknown): string {
  const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
  const text = stderr || (error instanceof Error ? error.message : String(error));
  return text.split("\n")[0] ?? "";
}
