import type { ProcessSighting } from "../model/sample.ts";
import type { CgroupScope } from "./cgroup-scope.ts";

/** Accounts below this number are the system's, and the one above the people is nobody's. */
const FIRST_PERSON_UID = 1000;
const NOBODY_UID = 65_534;

/**
 * The account that answers for a process, from what the kernel keeps: who runs it; for root, who had
 * logged in before `sudo`; for a number that a rootless engine lent out, whose engine it is.
 * Nothing that the process says of itself is asked.
 */
export function personOf(
  { uid, user, loginUser }: ProcessSighting,
  scope: CgroupScope | undefined,
): string | undefined {
  const isRoot = uid === 0 || (uid === undefined && user === "root");
  if (isRoot && loginUser) return loginUser;
  const treeUid = scope && "ownerUid" in scope ? scope.ownerUid : undefined;
  const isLent = scope?.kind === "container" && uid !== undefined && treeUid !== uid;
  if (isLent && treeUid !== undefined) return loginUser ?? `uid:${treeUid}`;
  return user || (uid === undefined ? undefined : `uid:${uid}`);
}

/** Whether an account is one of the system's, such as that of a service, rather than a person's. */
export function isSystemAccount({ uid, user }: ProcessSighting): boolean {
  if (uid === undefined) return user === undefined || user === "root" || user === "nobody";
  return uid < FIRST_PERSON_UID || uid === NOBODY_UID;
}
