import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { UserNames } from "../../collect/processes/users.ts";
import { sanitize } from "../../model/text.ts";

const MAX_ACTOR = 200;
/** What the kernel says where nobody logged in. */
const NOBODY = 0xff_ff_ff_ff;

/** What the system says of the process that acts. */
export interface ActorFacts {
  user: string;
  /** Who logged in: the kernel keeps it also behind sudo and su. */
  login?: string | undefined;
  /** `SUDO_USER`: anybody can set it, so it counts only for root. */
  sudoUser?: string | undefined;
  isRoot: boolean;
}

/** Who acts, in words for the record: `root (logged in as alice)`. Bounded and escaped. */
export function actorText({ user, login, sudoUser, isRoot }: ActorFacts): string {
  const behind =
    login !== undefined && login !== user
      ? ` (logged in as ${login})`
      : isRoot && sudoUser !== undefined && sudoUser !== "" && sudoUser !== user
        ? ` (by sudo of ${sudoUser})`
        : "";
  return sanitize(`${user}${behind}`, MAX_ACTOR);
}

/** Who runs this process. */
export function actor(env: Readonly<Record<string, string | undefined>>): string {
  const names = new UserNames("/etc/passwd");
  const uid = process.getuid?.() ?? -1;
  return actorText({
    user: nameOfUser() ?? (uid < 0 ? "somebody" : names.nameOf(uid)),
    login: loginName(names),
    sudoUser: env["SUDO_USER"],
    isRoot: uid === 0,
  });
}

function nameOfUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user without a line in passwd, as in many containers.
    return undefined;
  }
}

function loginName(names: UserNames): string | undefined {
  try {
    const uid = Number(readFileSync("/proc/self/loginuid", "utf8").trim());
    return Number.isInteger(uid) && uid >= 0 && uid !== NOBODY ? names.nameOf(uid) : undefined;
  } catch {
    return undefined;
  }
}
