import type { Owner } from "../model/owner.ts";
import { ownerKey } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";
import { isOf } from "./built-in-rules.ts";
import { claimConflicts } from "./gpu-claims.ts";
import type { OwnerCase } from "./owner-case.ts";

const MAX_WORD = 60;

/**
 * What contradicts the decision, in sentences for whoever asks: a name that is not the account's, a
 * job that is another's, devices that were given to somebody else. None of it moves the owner.
 */
export function conflictsOf(seen: OwnerCase, owner: Owner): string[] {
  return [...wordsAgainstProof(seen), ...accounts(seen), ...claimConflicts(seen, ownerKey(owner))];
}

function wordsAgainstProof({ declared, proven, person, process, registries }: OwnerCase): string[] {
  const found: string[] = [];
  const { job, user } = declared;
  if (user !== undefined && person !== undefined && user !== person)
    found.push(
      `its environment names ${word(user)} as the job's user, and it runs for ${word(person)}: the account counts`,
    );
  if (job !== undefined && proven.job !== undefined && job !== proven.job)
    found.push(
      `its environment says Slurm job ${word(job)}, and it is in job ${word(proven.job)}: that counts`,
    );
  const known = job === undefined || job === proven.job ? undefined : registries.job("slurm", job);
  if (known && job !== undefined && !isOf(known, person, process.uid)) {
    const whose = known.user ?? `uid:${known.uid}`;
    found.push(
      `its environment says Slurm job ${word(job)}, which is ${word(whose)}'s, and it runs for ${word(person ?? "nobody known")}: the account counts`,
    );
  }
  return found;
}

/** Who runs it, who had logged in and whose tree it is in, where these are three. */
function accounts({ process, scope, person }: OwnerCase): string[] {
  const { user, uid, loginUser } = process;
  const found: string[] = [];
  if (loginUser !== undefined && person !== undefined && loginUser !== person)
    found.push(
      `it runs as ${word(user ?? person)}, and ${word(loginUser)} had logged in: the account counts`,
    );
  const isForeign = scope?.kind === "session" && uid !== undefined && uid !== scope.ownerUid;
  if (isForeign && loginUser === undefined)
    found.push(
      `it runs as ${word(user ?? String(uid))} in a login session of uid ${scope.ownerUid}: the account counts`,
    );
  return found;
}

const word = (text: string): string => sanitize(text, MAX_WORD);
