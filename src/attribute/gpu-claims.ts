import { sanitize } from "../model/text.ts";
import type { Decision, OwnerCase } from "./owner-case.ts";
import type { Claim } from "./registries.ts";
import { isGateway } from "./units.ts";

/*
 * What a scheduler or a kubelet says that a device was given to. That is no proof of who uses it, so
 * it counts only for a process that proves nothing better, and never against what it does prove.
 */

const claimText = ({ kind, id, gpu, source }: Claim): string =>
  sanitize(`${gpu} to the ${kind} ${id} (${source})`);

/**
 * The one owner that the process's devices were given to; undefined where there is none, where there
 * are two, or where the process shows that it is somebody else's.
 */
export function claimDecision(seen: OwnerCase): Decision | undefined {
  const [claim, ...others] = seen.claims;
  if (!claim || others.length > 0 || refusal(seen, claim) !== undefined) return undefined;
  const { kind, id, facts } = claim;
  const reason = `its own control group proves no job, pod or container; the node gave ${claimText(claim)}`;
  return { owner: { kind, id }, reason, proven: facts };
}

/** What the registries say against the decision, in sentences. */
export function claimConflicts(seen: OwnerCase, ownerKey: string): string[] {
  const { claims } = seen;
  if (claims.length === 0) return [];
  const own = ownWord(seen);
  if (own !== undefined) {
    // A shared device: which of its pods this one is, its claims do not tell.
    const nameless = claims.filter(({ kind, podUid }) => kind === "pod" && podUid === undefined);
    if (seen.scope?.kind === "pod" && nameless.length > 1) return [];
    const fits = claims.some((claim) => isOwn(seen, claim) || keyOf(claim) === ownerKey);
    if (fits) return [];
    const given = claims.slice(0, 2).map(claimText).join(" and ");
    return [`the node gave ${given}, but the process is in ${own}: that counts`];
  }
  const [claim, second] = claims;
  if (claim && second)
    return [
      `two claims for one process: the node gave ${claimText(claim)} and ${claimText(second)}: neither decides`,
    ];
  const why = claim && refusal(seen, claim);
  return claim && why !== undefined ? [`the node gave ${claimText(claim)}, but ${why}`] : [];
}

/** What of its own proves where the process belongs, in words; undefined where nothing does. */
function ownWord({ scope, stepd }: OwnerCase): string | undefined {
  if (scope?.kind === "slurm") return `Slurm job ${scope.job} by its control group`;
  if (scope?.kind === "pod") return `the pod ${scope.uid} by its control group`;
  if (scope?.kind === "container")
    return sanitize(`the container ${scope.id.slice(0, 12)} by its control group`);
  return stepd && `Slurm job ${stepd.job} by its ancestors`;
}

/** Whether a claim is of what the process is in by its own control group. */
export function isOwn({ scope, stepd }: OwnerCase, claim: Claim): boolean {
  if (scope?.kind === "pod")
    return claim.podUid === scope.uid || isSameId(claim.containerId, scope.containerId);
  if (scope?.kind === "container") return isSameId(claim.containerId, scope.id);
  const job = scope?.kind === "slurm" ? scope.job : stepd?.job;
  return job !== undefined && claim.kind === "job" && claim.id === `slurm:${job}`;
}

function isSameId(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && (a.startsWith(b) || b.startsWith(a));
}

/** Why a claim is not this process's, as a half sentence; undefined where it may be. */
function refusal(seen: OwnerCase, claim: Claim): string | undefined {
  const { scope, process, person } = seen;
  const own = ownWord(seen);
  if (own !== undefined) return `the process is in ${own}`;
  if (claim.kind !== "job" && scope !== undefined)
    return sanitize(`its control group ${scope.proof} is in no ${claim.kind}`);
  if (scope?.kind === "unit" && scope.ownerUid === undefined && !isGateway(scope.name))
    return sanitize(`its control group is that of the service ${scope.name}`);
  if (claim.kind !== "job" && process.cgroup !== undefined && process.cgroup !== "/")
    return sanitize(`its control group ${process.cgroup} is in no ${claim.kind}`);
  if (claim.user === undefined && claim.uid === undefined && scope && "ownerUid" in scope)
    if (scope.ownerUid !== undefined)
      return sanitize(`that names no user, and the process is in ${person ?? "a user"}'s own tree`);
  if (claim.user !== undefined && person !== undefined && claim.user !== person)
    return sanitize(`that is ${claim.user}'s, and ${person} runs the process`);
  if (claim.user === undefined && claim.uid !== undefined && process.uid !== undefined)
    return claim.uid === process.uid
      ? undefined
      : `that is of uid ${claim.uid}, and uid ${process.uid} runs the process`;
  return undefined;
}

const keyOf = ({ kind, id }: Claim): string => `${kind}:${id}`;
