import type { ProcessSighting } from "../model/sample.ts";
import type { CgroupScope } from "./cgroup-scope.ts";

/** Accounts below this number are the system's, and the one above the people is nobody's. */
const FIRST_PERSON_UID = 1000;
const NOBODY_UID = 65_534;

/**
 * Who had logged in, where the kernel holds it: in the tree of a login it was set at the login, and
 * stays. Elsewhere it is unset at first, and any process may set it to whatever it likes.
 */
export function loginOf(
  { loginUser }: ProcessSighting,
  scope: CgroupScope | undefined,
): string | undefined {
  return scope && "ownerUid" in scope && scope.ownerUid !== undefined ? loginUser : undefined;
}

/**
 * The account that answers for a process, from what the kernel keeps: who runs it; for root, who had
 * logged in before `sudo`; for a number that a rootless engine lent out, whose engine it is. In a pod or
 * a container of root's engine nobody is: whoever started it chose the number.
 * Nothing that the process says of itself is asked.
 */
export function personOf(
  process: ProcessSighting,
  scope: CgroupScope | undefined,
): string | undefined {
  const { uid, user } = process;
  const loginUser = loginOf(process, scope);
  if (scope?.kind === "pod" || (scope?.kind === "container" && scope.ownerUid === undefined))
    return undefined;
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
