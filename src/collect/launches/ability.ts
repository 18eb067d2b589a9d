import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { readBounded } from "../files.ts";
import { showsHostProcesses } from "../processes/holders.ts";
import { runChild } from "./child.ts";

/** What tracing needs, or why it cannot be. */
export type Ability =
  | { can: true; path: string; version: string }
  | { can: false; reason: string; hint: string };

export interface AbilityFacts {
  procRoot: string;
  /** Whether pids of `procRoot` are the kernel's own: see `collect.pids`. */
  pids: "auto" | "trusted";
  /** bpftrace itself; looked for in `searchPath` where absent. */
  path?: string | undefined;
  searchPath: string;
  signal?: AbortSignal | undefined;
}

const LOCKDOWN = "/sys/kernel/security/lockdown";
/** Numbers of the kernel's capabilities. */
const [SYS_ADMIN, PERFMON, BPF] = [21n, 38n, 39n];
const TRIAL_MS = 15_000;
/** Attaches nothing, and needs all that a window needs of the kernel. */
const TRIAL = "BEGIN { exit(); }";

/** Whether kernel launches can be traced here, by a trial that attaches nothing. */
export async function tracingAbility(facts: AbilityFacts): Promise<Ability> {
  const path = facts.path ?? onPath("bpftrace", facts.searchPath);
  if (path === undefined || !isExecutable(path))
    return {
      can: false,
      reason: path === undefined ? "bpftrace is not installed" : `${path} cannot be run`,
      hint: "install the distribution's bpftrace package; without it kernel launches stay unseen",
    };
  if (!mayTrace())
    return {
      can: false,
      reason: "this user may not trace other processes",
      hint: "run as root, or with CAP_BPF and CAP_PERFMON, where bpftrace allows that",
    };
  if (/\[confidentiality\]/.test(readBounded(LOCKDOWN, 256) ?? ""))
    return {
      can: false,
      reason: "the kernel is locked down (confidentiality): no program may be read by another",
      hint: "nothing to mend here: kernel launches stay unseen on such a kernel",
    };
  if (facts.pids === "auto" && !showsHostProcesses(facts.procRoot))
    return {
      can: false,
      reason: "processes here are not numbered as the kernel numbers them",
      hint: "share the host's PID namespace (hostPID: true), or set collect.pids: trusted",
    };
  return trial(path, facts.signal);
}

async function trial(path: string, signal: AbortSignal | undefined): Promise<Ability> {
  const limits = { environment: bpftraceEnvironment(), timeoutMs: TRIAL_MS, signal };
  const { code, failure, messages } = await runChild({ path, args: ["-e", TRIAL], ...limits });
  if (code === 0) {
    const { lines } = await runChild({ path, args: ["--version"], ...limits });
    return { can: true, path, version: lines[0]?.slice(0, 64) ?? "bpftrace" };
  }
  return {
    can: false,
    reason: `bpftrace does not work here: ${failure ?? firstError(messages) ?? `exit code ${code}`}`,
    hint: "try `bpftrace -e 'BEGIN { exit(); }'` as the daemon's user",
  };
}

/** Tables in the kernel are bounded, and so are names; versions differ in what they call the limits. */
export function bpftraceEnvironment(): Record<string, string> {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    BPFTRACE_MAP_KEYS_MAX: "8192",
    BPFTRACE_MAX_MAP_KEYS: "8192",
    BPFTRACE_STRLEN: "200",
    BPFTRACE_MAX_STRLEN: "200",
  };
}

/**
 * What bpftrace gave as its reason. A limit that it could not raise, and files of the kernel that it
 * missed when it detached, are told by versions that work all the same.
 */
export function firstError(messages: readonly string[]): string | undefined {
  const isHarmless = (text: string): boolean =>
    /RLIMIT_MEMLOCK|uprobe_events|failed to detach/i.test(text);
  return messages.find((text) => !isHarmless(text));
}

function mayTrace(): boolean {
  const status = readBounded("/proc/self/status", 8192) ?? "";
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const has = (bit: bigint): boolean => ((mask >> bit) & 1n) === 1n;
  return has(SYS_ADMIN) || (has(BPF) && has(PERFMON));
}

function onPath(name: string, searchPath: string): string | undefined {
  const folders = [...searchPath.split(delimiter), "/usr/sbin", "/usr/bin"];
  return folders
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
