import { join } from "node:path";
import { statSync } from "node:fs";
import { listProcesses } from "../collect/drm/inspect.ts";
import { readBounded, readLink } from "../collect/files.ts";
import type { Finding } from "./doctor-findings.ts";

/** Other users' processes that are tried: some are closed even to root, those of other namespaces. */
const TRIED = 16;
const HINT =
  "run as root, or in the systemd unit: AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH (the first alone shows programs, but no variables)";

/**
 * Whether the executables and the variables of other users' processes may be read, by trying: jobs and
 * runs are told by them. A machine on which nobody else runs anything says nothing.
 * @param uid the user to compare with; that of this process by default
 */
export function privilegeFinding(procRoot: string, uid = process.geteuid?.() ?? 0): Finding {
  const name = "variables of other users' processes";
  const others = othersOf(procRoot, uid);
  if (others.length === 0) {
    const detail = "no process of another user runs here: this could not be tried";
    return { name, status: "ok", detail, hints: [] };
  }
  const readable = (file: (path: string) => string | undefined): number =>
    others.filter((path) => file(path) !== undefined).length;
  const environs = readable((path) => readBounded(join(path, "environ"), 1));
  const programs = readable((path) => readLink(join(path, "exe")));
  const of = `of ${others.length} tried`;
  if (environs > 0)
    return { name, status: "ok", detail: `can be read (${environs} ${of})`, hints: [] };
  const rest = programs > 0 ? "only their programs" : "nor their programs";
  return {
    name,
    status: "missing",
    detail: `cannot be read (none ${of}), ${rest}: jobs and runs that only these tell stay unknown`,
    hints: [HINT],
  };
}

function othersOf(procRoot: string, uid: number): string[] {
  const found: string[] = [];
  for (const pid of listProcesses(procRoot).reverse()) {
    if (found.length >= TRIED) break;
    const path = join(procRoot, String(pid));
    const owner = ownerOf(path);
    // The kernel's own threads have no command line, and no variables either.
    if (owner !== undefined && owner !== uid && readBounded(join(path, "cmdline"), 1))
      found.push(path);
  }
  return found;
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}
