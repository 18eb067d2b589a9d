import type { OwnerKind } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";
import { claimDecision, isOwn } from "./gpu-claims.ts";
import { type Decision, type OwnerCase, shortId } from "./owner-case.ts";
import { isSystemAccount } from "./person.ts";
import { isGateway } from "./units.ts";

/** What a rule rests on: `person` is proven as well, but of the account only. */
export type Trust = "proven" | "claimed" | "declared" | "person";

export interface OwnerRule {
  name: string;
  trust: Trust;
  decide: (seen: OwnerCase) => Decision | undefined;
}

/**
 * Who a process works for, in this order: the first rule that says something decides. What the
 * kernel proves comes first, then what the node's registries claim, then what divides one person's
 * time by his own words, then the person.
 */
export const BUILT_IN_RULES: readonly OwnerRule[] = [
  { name: "slurm-cgroup", trust: "proven", decide: slurmCgroup },
  { name: "kubernetes-pod", trust: "proven", decide: kubernetesPod },
  { name: "container", trust: "proven", decide: container },
  { name: "slurm-ancestor", trust: "proven", decide: slurmAncestor },
  { name: "gpu-claim", trust: "claimed", decide: claimDecision },
  { name: "system-unit", trust: "proven", decide: systemUnit },
  { name: "slurm-declared", trust: "declared", decide: slurmDeclared },
  { name: "ray-declared", trust: "declared", decide: rayDeclared },
  { name: "rootless-container", trust: "declared", decide: rootlessContainer },
  { name: "user-unit", trust: "declared", decide: userUnit },
  { name: "user", trust: "person", decide: personAlone },
  { name: "process", trust: "person", decide: processAlone },
];

function slurmCgroup({ scope }: OwnerCase): Decision | undefined {
  if (scope?.kind !== "slurm") return undefined;
  return made("job", `slurm:${scope.job}`, `its control group ${scope.proof} is of that Slurm job`);
}

function kubernetesPod(seen: OwnerCase): Decision | undefined {
  const { scope, proven, claims } = seen;
  if (scope?.kind !== "pod") return undefined;
  const group = `its control group ${scope.proof} is of the pod ${scope.uid}`;
  if (proven.namespace !== undefined && proven.pod !== undefined)
    return made(
      "pod",
      `${proven.namespace}/${proven.pod}`,
      `${group}, which the node's registry names`,
    );
  const [claim, ...others] = claims.filter(({ kind }) => kind === "pod");
  const isIts = claim && (claim.podUid === undefined || isOwn(seen, claim));
  if (!claim || !isIts || others.length > 0 || seen.sharesWithPods)
    return made("pod", scope.uid, `${group}, which no registry names`);
  return {
    ...made(
      "pod",
      claim.id,
      `${group}, and the ${claim.source} gave ${claim.gpu} to that pod alone`,
    ),
    proven: claim.facts,
  };
}

function container({ scope }: OwnerCase): Decision | undefined {
  if (scope?.kind !== "container" || scope.ownerUid !== undefined) return undefined;
  const { engine, id, proof } = scope;
  const kind = engine === undefined ? "a container" : `a container of ${engine}`;
  return made("container", shortId(id), `its control group ${proof} is of ${kind}`);
}

function slurmAncestor({ stepd }: OwnerCase): Decision | undefined {
  if (!stepd) return undefined;
  return made(
    "job",
    `slurm:${stepd.job}`,
    `it descends from root's slurmstepd (pid ${stepd.pid}) of that job`,
  );
}

/** A person's service is named with him: two of one name stay apart. */
function systemUnit({ scope, person, process }: OwnerCase): Decision | undefined {
  if (scope?.kind !== "unit" || scope.ownerUid !== undefined) return undefined;
  // A login keeps its name through whatever service it came in by.
  if (isGateway(scope.name) || process.loginUser !== undefined) return undefined;
  const isSystem = person === undefined || isSystemAccount(process);
  const id = isSystem ? scope.name : `${person}/${scope.name}`;
  return made("unit", id, `its control group ${scope.proof} is of that service`);
}

const JOB_ID = /^\d{1,12}(?:_\d{1,9})?$/;
const RAY_JOB_ID = /^[\w-]{1,64}$/;

function slurmDeclared({ declared, person, process, registries }: OwnerCase): Decision | undefined {
  const { job, user } = declared;
  if (person === undefined || job === undefined || !JOB_ID.test(job)) return undefined;
  if (user !== undefined && user !== person) return undefined;
  const known = registries.job("slurm", job);
  if (known && !isOf(known, person, process.uid)) return undefined;
  const reason = `its environment says Slurm job ${job}; that is its own word, so it stays within ${person}'s time`;
  return made("job", `slurm:${person}/${job}`, reason);
}

/** Whether a job of the registry may be this account's. */
export function isOf(
  job: { user?: string | undefined; uid?: number | undefined },
  person: string | undefined,
  uid: number | undefined,
): boolean {
  if (job.user !== undefined) return job.user === person;
  return job.uid === undefined || uid === undefined || job.uid === uid;
}

function rayDeclared({ declared, person }: OwnerCase): Decision | undefined {
  const { rayJob } = declared;
  if (person === undefined || rayJob === undefined || !RAY_JOB_ID.test(rayJob)) return undefined;
  const reason = `its environment says Ray job ${rayJob}; that is its own word, so it stays within ${person}'s time`;
  return made("job", `ray:${person}/${rayJob}`, reason);
}

/** In a tree that its user may write, where he can name a group after anybody's container. */
function rootlessContainer({ scope, person }: OwnerCase): Decision | undefined {
  if (scope?.kind !== "container" || scope.ownerUid === undefined) return undefined;
  const whose = person ?? `uid:${scope.ownerUid}`;
  const reason = `its control group ${scope.proof} is of a rootless container, in the tree of uid ${scope.ownerUid}`;
  return made("container", `${whose}/${shortId(scope.id)}`, reason);
}

function userUnit({ scope, person }: OwnerCase): Decision | undefined {
  if (scope?.kind !== "unit" || scope.ownerUid === undefined) return undefined;
  const whose = person ?? `uid:${scope.ownerUid}`;
  const reason = `its control group ${scope.proof} is of a service that ${whose} runs`;
  return made("unit", `${whose}/${scope.name}`, reason);
}

function personAlone({ scope, person, process }: OwnerCase): Decision | undefined {
  if (person === undefined) return undefined;
  const session =
    scope?.kind === "session" && scope.id !== undefined ? `, in login session ${scope.id}` : "";
  const reason =
    person === process.user
      ? `it runs as ${person}${session}`
      : `it runs as ${process.user ?? "somebody else"} and ${person} had logged in${session}`;
  return made("user", person, reason);
}

function processAlone({ process }: OwnerCase): Decision {
  return made("process", String(process.pid), "nothing says who started it");
}

function made(kind: OwnerKind, id: string, reason: string): Decision {
  return { owner: { kind, id: sanitize(id) }, reason: sanitize(reason, 512) };
}
