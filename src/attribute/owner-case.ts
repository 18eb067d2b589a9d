import type { Owner, OwnerFacts } from "../model/owner.ts";
import type { Ancestor, ProcessSighting } from "../model/sample.ts";
import { type CgroupScope, scopeOf } from "./cgroup-scope.ts";
import { baseName, declaredFacts, defined, MAX_FACT } from "./declared-facts.ts";
import { loginOf, personOf } from "./person.ts";
import {
  type Claim,
  jobFacts,
  podFacts,
  type Registries,
  registryFacts,
  SHORT_ID,
} from "./registries.ts";

/** One process with everything that the rules may look at. */
export interface OwnerCase {
  process: ProcessSighting;
  /** What its control group says. */
  scope: CgroupScope | undefined;
  /** The account that answers for it. */
  person: string | undefined;
  /** The job that a step daemon of root above it runs. */
  stepd: { job: string; step: string; pid: number } | undefined;
  /** What its devices were given to. */
  claims: readonly Claim[];
  registries: Registries;
  /** Other pods were seen on its devices: what a device was given to names none of them. */
  sharesWithPods: boolean;
  proven: OwnerFacts;
  declared: OwnerFacts;
}

/** What a rule says: who, and what it saw. */
export interface Decision {
  owner: Owner;
  /** Escaped. */
  reason: string;
  /** What became known by the way. */
  proven?: OwnerFacts | undefined;
  conflicts?: readonly string[] | undefined;
}

/** @param gpus the devices it was seen on */
export function caseOf(
  process: ProcessSighting,
  gpus: Iterable<number>,
  registries: Registries,
  sharesWithPods = false,
): OwnerCase {
  const scope = process.cgroup === undefined ? undefined : scopeOf(process.cgroup);
  const person = personOf(process, scope);
  const isContained = scope?.kind === "pod" || scope?.kind === "container";
  // Root inside a container may run a step daemon of its own making.
  const stepd = isContained ? undefined : stepdAbove(process.lineage ?? []);
  const made = { process, scope, person, stepd, registries };
  return {
    ...made,
    claims: registries.claimsOn(gpus),
    proven: provenFacts(made),
    sharesWithPods,
    declared: { ...rootlessFacts(scope, registries), ...declaredFacts(process) },
  };
}

const STEPD_TITLE = /^slurmstepd: \[(\d{1,12})\.(\w{1,20})\]/;

/**
 * A step daemon of Slurm among the ancestors. Its title counts only where the kernel says that it is
 * root's and that its program is the daemon's: a user can give himself any name and title, and have a
 * program of root's run under them, but not this one.
 */
function stepdAbove(lineage: readonly Ancestor[]): OwnerCase["stepd"] {
  for (const { pid, user, exe, title } of lineage) {
    if (user !== "root" || baseName(exe) !== "slurmstepd") continue;
    const [, job, step] = STEPD_TITLE.exec(title ?? "") ?? [];
    if (job !== undefined && step !== undefined) return { job, step, pid };
  }
  return undefined;
}

function provenFacts({
  process,
  scope,
  person,
  stepd,
  registries,
}: Pick<OwnerCase, "process" | "scope" | "person" | "stepd" | "registries">): OwnerFacts {
  const facts: OwnerFacts = { user: person, loginUser: loginOf(process, scope) };
  switch (scope?.kind) {
    case "slurm":
      Object.assign(facts, ofJob(registries, scope.job, scope.step));
      break;
    case "pod": {
      const { containerId } = scope;
      const entry = registries.container(containerId);
      Object.assign(facts, { ...podFacts(registries.pod(scope.uid)), ...podFacts(entry) });
      facts.containerId = containerId;
      // The pod's own entry speaks of any of its containers.
      if (!entry && registries.pod(scope.uid)?.container?.id !== containerId)
        for (const fact of ["podContainer", "containerName", "image"] as const) delete facts[fact];
      break;
    }
    case "container":
      // The number in a tree that a user may write is his word: the engine knows no such container.
      if (scope.ownerUid === undefined)
        Object.assign(facts, registryFacts(registries.container(scope.id)));
      facts.containerId = scope.id;
      break;
    case "unit":
      facts.unit = scope.name;
      break;
    case "session":
      facts.session = scope.id;
      break;
    case undefined:
      break;
  }
  if (stepd && facts.job === undefined)
    Object.assign(facts, ofJob(registries, stepd.job, stepd.step));
  return bounded(defined(facts));
}

/** A user's own engine may say what he likes of a rootless container. */
function rootlessFacts(scope: CgroupScope | undefined, registries: Registries): OwnerFacts {
  if (scope?.kind !== "container" || scope.ownerUid === undefined) return {};
  return bounded(registryFacts(registries.ownContainer(scope.ownerUid, scope.id)));
}

function ofJob(registries: Registries, job: string, step: string | undefined): OwnerFacts {
  const known = registries.job("slurm", job);
  return { ...(known ? jobFacts(known) : {}), scheduler: "slurm", job, step };
}

export function bounded(facts: OwnerFacts): OwnerFacts {
  return Object.fromEntries(
    Object.entries(facts).map(([fact, value]) => [fact, value?.slice(0, MAX_FACT)]),
  );
}

/** Twelve digits of a container's number, as engines show it; other names as they are. */
export function shortId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, SHORT_ID) : id;
}
