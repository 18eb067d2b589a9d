/** Pure parsers of `/proc/PID/*`. The strings in them are the observed user's: bounded, not trusted. */

export const MAX_ARGS = 64;
export const MAX_ARG_LENGTH = 256;
export const MAX_VALUE_LENGTH = 256;
export const MAX_PATH_LENGTH = 1024;

/** The environment variables that say who a process works for. Nothing else is ever kept. */
export const ATTRIBUTION_VARIABLES: ReadonlySet<string> = new Set([
  "SLURM_JOB_ID",
  "SLURM_JOB_USER",
  "SLURM_STEP_ID",
  "SLURM_STEPID",
  "SLURM_PROCID",
  "SLURM_NTASKS",
  "SLURM_JOB_ACCOUNT",
  "SLURM_JOB_PARTITION",
  "SLURM_JOB_NAME",
  "SLURM_JOB_GPUS",
  "SLURM_STEP_GPUS",
  "RAY_JOB_ID",
  "CLUSTER_NAME",
  "WORKER_NAME",
  "RANK",
  "WORLD_SIZE",
  "LOCAL_RANK",
  "ROLL_LOG_DIR",
  "TASK_ID",
  "IFLOW_SESSION_ID",
  "IFLOW_TOOL_NAME",
  "MASTER_ADDR",
  "TORCHELASTIC_RUN_ID",
  "OMPI_COMM_WORLD_RANK",
  "OMPI_COMM_WORLD_SIZE",
  "PMIX_RANK",
  "PMI_RANK",
  "PMI_SIZE",
]);

/**
 * Beginnings of variables by which miners are told what to do (data/indicators.json lists those that
 * count). That they are there is all that is kept: what is in them may be a password.
 */
const INDICATOR_PREFIXES: ReadonlySet<string> = new Set(["PEAK_", "PEARL_", "MINER_"]);
const INDICATOR_NAMES: ReadonlySet<string> = new Set(["PEARLD_RPC_URL"]);
const INDICATOR_NAME = /^[A-Z][A-Z0-9_]{0,63}$/;
const MAX_INDICATORS = 16;

export interface StatLine {
  comm: string;
  ppid: number;
  /** Process number of whoever began its session (`setsid`); 0 of the kernel's own. */
  session: number;
  /** A thread of the kernel: it has no program, no files and no owner. */
  isKernel: boolean;
  /** Clock ticks after boot. */
  startTicks: number;
}

/** PF_KTHREAD of the kernel's sched.h, in field 9. */
const KERNEL_THREAD = 0x0020_0000;

/**
 * `/proc/PID/stat`. The name stands in parentheses and may itself hold blanks and parentheses:
 * it ends at the last one.
 */
export function parseStat(text: string): StatLine | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  // By single blanks, as the kernel writes it.
  const fields = text.slice(close + 2).split(" ", 20);
  const ppid = wholeNumber(fields[1]);
  const startTicks = wholeNumber(fields[19]);
  if (ppid === undefined || startTicks === undefined) return undefined;
  return {
    comm: text.slice(open + 1, close).slice(0, MAX_VALUE_LENGTH),
    ppid,
    session: wholeNumber(fields[3]) ?? 0,
    isKernel: (Number(fields[6]) & KERNEL_THREAD) !== 0,
    startTicks,
  };
}

/** Boot time of `/proc/stat`, in Unix milliseconds. */
export function parseBootTimeMs(text: string): number | undefined {
  const seconds = wholeNumber(/^btime (\d+)$/m.exec(text)?.[1]);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** The real user of `/proc/PID/status`: who started it, whatever its file's set-user-id bit says. */
export function parseUid(text: string): number | undefined {
  return wholeNumber(/^Uid:\s+(\d+)/m.exec(text)?.[1]);
}

/** What the kernel writes where nobody has logged in: (uid_t) -1. */
const NO_LOGIN = 0xffff_ffff;

/** `/proc/PID/loginuid`: who logged in, also behind sudo and su. Undefined where nobody has. */
export function parseLoginUid(text: string): number | undefined {
  const uid = wholeNumber(text.trim());
  return uid === NO_LOGIN ? undefined : uid;
}

/** `/proc/PID/cmdline`: at most {@link MAX_ARGS} arguments of {@link MAX_ARG_LENGTH} characters. */
export function parseCmdline(text: string): string[] {
  const args = text.split("\0");
  // Every argument ends with a NUL; a title set by the program itself may lack the last one.
  if (args.at(-1) === "") args.pop();
  return args.slice(0, MAX_ARGS).map((arg) => arg.slice(0, MAX_ARG_LENGTH));
}

/**
 * The variables of `/proc/PID/environ` that are on the list; the first of a name counts. Of those
 * that only give a miner away the name is kept and an empty value.
 */
export function parseEnviron(text: string): Record<string, string> {
  const found = new Map<string, string>();
  let indicators = 0;
  for (const entry of text.split("\0")) {
    const equals = entry.indexOf("=");
    const name = entry.slice(0, Math.max(0, equals));
    if (found.has(name)) continue;
    if (isIndicator(name) && indicators < MAX_INDICATORS) {
      indicators += 1;
      found.set(name, "");
    }
    if (ATTRIBUTION_VARIABLES.has(name))
      found.set(name, entry.slice(equals + 1, equals + 1 + MAX_VALUE_LENGTH));
  }
  return Object.fromEntries(found);
}

function isIndicator(name: string): boolean {
  if (!INDICATOR_NAME.test(name)) return false;
  return INDICATOR_NAMES.has(name) || INDICATOR_PREFIXES.has(name.slice(0, name.indexOf("_") + 1));
}

/** Version 1 hierarchies by how well they tell jobs apart. */
const V1_CONTROLLERS = ["memory", "pids", "devices", "cpu", "name=systemd"];

/**
 * A job's, pod's or container's group, outside the trees in which users make groups. Where both
 * versions are mounted, a scheduler may use the one and the login the other.
 */
const TELLING = /^(?!\/user\.slice\/)(?=.*(?:\/job_\d|pod[0-9a-f]{8}|[0-9a-f]{64}))/;

/**
 * The one cgroup path of `/proc/PID/cgroup` that says most: one of a job, pod or container, else the v2
 * one where the process is in a group of it, else that of the first v1 hierarchy; `/` where it is in none.
 */
export function parseCgroup(text: string): string | undefined {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    const [, controllers = "", path = ""] = match ?? [];
    if (match) for (const one of controllers.split(",")) paths.set(one, path);
  }
  const ranked = ["", ...V1_CONTROLLERS, ...paths.keys()].flatMap((key) => paths.get(key) ?? []);
  const path =
    ranked.find((candidate) => TELLING.test(candidate)) ??
    ranked.find((candidate) => candidate !== "/") ??
    ranked[0];
  return path?.slice(0, MAX_PATH_LENGTH);
}

/** User names by id, from a passwd file; the first line of an id counts. */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name = "", , id] = line.split(":");
    const uid = wholeNumber(id);
    if (name !== "" && uid !== undefined && !names.has(uid)) {
      names.set(uid, name.slice(0, MAX_VALUE_LENGTH));
    }
  }
  return names;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
