import type { OwnerFact, OwnerFacts } from "../model/owner.ts";
import type { Ancestor, ProcessSighting } from "../model/sample.ts";

/** Longest fact that is kept. */
export const MAX_FACT = 256;

/** Which variable says which fact; of several the first that is set. */
const VARIABLES: readonly (readonly [OwnerFact, readonly string[]])[] = [
  ["user", ["SLURM_JOB_USER"]],
  ["job", ["SLURM_JOB_ID"]],
  ["step", ["SLURM_STEP_ID", "SLURM_STEPID"]],
  ["jobName", ["SLURM_JOB_NAME"]],
  ["account", ["SLURM_JOB_ACCOUNT"]],
  ["partition", ["SLURM_JOB_PARTITION"]],
  ["cluster", ["CLUSTER_NAME"]],
  ["rayJob", ["RAY_JOB_ID"]],
  ["task", ["TASK_ID"]],
  ["worker", ["WORKER_NAME"]],
  ["rank", ["RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"]],
  ["worldSize", ["WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"]],
  ["agentSession", ["IFLOW_SESSION_ID"]],
];

/** Launchers by the name of a program above the process: an interpreter's script shows as `comm`. */
const LAUNCHERS: ReadonlyMap<string, string> = new Map([
  ["torchrun", "torchrun"],
  ["deepspeed", "DeepSpeed"],
  ["accelerate", "Accelerate"],
  ["horovodrun", "Horovod"],
  ["mpirun", "MPI"],
  ["mpiexec", "MPI"],
  ["orted", "MPI"],
  ["prted", "MPI"],
  ["prterun", "MPI"],
  ["hydra_pmi_proxy", "MPI"],
  ["raylet", "Ray"],
]);

/** Servers by what stands before `::` in the title, or by the program's name. */
const SERVERS: ReadonlyMap<string, string> = new Map([
  ["vllm", "vLLM"],
  ["sglang", "SGLang"],
  ["tritonserver", "Triton"],
]);

/** `ray::actor_train-0-G0`: the role, the worker's number and its GPU. */
const ROLL_WORKER = /^([a-z][a-z_]{1,40})-(?:\d{1,6}-)?G?\d{1,6}/;
const SANDBOX = /(?:^|[^\w-])sandbox-([\w-]{4,80})/;

/**
 * What a process says of itself through its environment, its title and the programs it was started
 * by. Anybody can write all of it: it describes, and never says whose it is.
 */
export function declaredFacts(process: ProcessSighting): OwnerFacts {
  const facts: OwnerFacts = {};
  const environ = new Map(Object.entries(process.environ ?? {}));
  for (const [fact, names] of VARIABLES) {
    const value = names.map((name) => environ.get(name)).find((each) => each !== undefined);
    if (value) facts[fact] = value.slice(0, MAX_FACT);
  }
  if (facts.job !== undefined) facts.scheduler = "slurm";
  const title = titleOf(process);
  facts.worker ??= workerOf(title);
  facts.role = roleOf(facts.worker);
  facts.sandbox = SANDBOX.exec(title)?.[1];
  facts.launcher = launcherOf(process, environ, title);
  facts.server = serverOf(process, title);
  return defined(facts);
}

/** `actor_train` of `actor_train-0-G0`. */
export function roleOf(worker: string | undefined): string | undefined {
  return ROLL_WORKER.exec(worker?.slice(0, MAX_FACT) ?? "")?.[1];
}

function titleOf({ argv, comm }: ProcessSighting): string {
  return (argv?.[0] || comm || "").slice(0, MAX_FACT);
}

/** Ray puts the name of a worker into its title, also where its environment cannot show it. */
function workerOf(title: string): string | undefined {
  const name = /^ray::([\w-]{1,120})/.exec(title)?.[1];
  return roleOf(name) === undefined ? undefined : name;
}

function launcherOf(
  { argv = [], lineage = [] }: ProcessSighting,
  environ: ReadonlyMap<string, string>,
  title: string,
): string | undefined {
  if (title.startsWith("ray::") || environ.has("RAY_JOB_ID")) return "Ray";
  // DeepSpeed starts its workers by a launcher of its own, and sets what torchrun sets.
  if (argv.some((arg) => arg === "--deepspeed" || arg.startsWith("--deepspeed_config")))
    return "DeepSpeed";
  const above = lineage.flatMap((each) =>
    namesOf(each).flatMap((name) => LAUNCHERS.get(name) ?? []),
  );
  if (above[0] !== undefined) return above[0];
  if (environ.has("TORCHELASTIC_RUN_ID")) return "torchrun";
  if (environ.has("OMPI_COMM_WORLD_RANK") || environ.has("PMI_RANK")) return "MPI";
  return undefined;
}

function serverOf({ exe, argv = [], comm }: ProcessSighting, title: string): string | undefined {
  const titled = /^(\w{1,20})::/.exec(title)?.[1];
  const names = [titled, baseName(exe), baseName(argv[0]), baseName(argv[1]), comm];
  const known = names.flatMap((name) => SERVERS.get(name?.toLowerCase() ?? "") ?? []);
  if (known[0] !== undefined) return known[0];
  const module = argv[argv.indexOf("-m") + 1];
  if (!argv.includes("-m") || module === undefined) return undefined;
  return SERVERS.get(module.split(".", 1)[0] ?? "");
}

function namesOf({ comm, exe, title }: Ancestor): string[] {
  return [comm, baseName(exe), baseName(title)].flatMap((name) => name ?? []);
}

/** `/usr/bin/mpirun (deleted)` → `mpirun`. */
export function baseName(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const bounded = path.slice(-MAX_FACT).replace(/ \(deleted\)$/, "");
  return bounded.slice(bounded.lastIndexOf("/") + 1) || undefined;
}

/** Without the facts that are not known. */
export function defined(facts: OwnerFacts): OwnerFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
