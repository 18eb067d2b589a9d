import type { Cause, Incident } from "../../model/incident.ts";
import { type OwnerFacts, parseOwnerKey } from "../../model/owner.ts";

/** Something that two incidents may have in common, and how far apart it still joins them. */
export interface StoryKey {
  key: string;
  maxGapMs: number;
}

/** What names somebody or something joins over days: a month without a sign ends a story. */
const STRONG_GAP_MS = 30 * 86_400_000;
/** What many share joins only what happens at once: `user:root` today and next week may be two people. */
const WEAK_GAP_MS = 600_000;

/** Time alone makes up to 0.5: what joins stories takes one more thing that speaks for it. */
const MIN_CAUSE_SCORE = 0.6;

/** Accounts that are no person: services and containers run under them. */
const SHARED_USERS: ReadonlySet<string> = new Set(["root", "nobody", "daemon", "0", "65534"]);

/** Kinds of owners that are nobody in particular. */
const NOBODY: ReadonlySet<string> = new Set(["unattributed", "idle", "unobserved", "agent"]);

/**
 * What an incident can be joined to others by: its owner, what is proven of the owner, and what the
 * best cause names. What a process merely declares joins nothing: it could join anybody to anything.
 * @param proven of the owner, as far as it is known
 */
export function storyKeys(incident: Incident, proven: OwnerFacts = {}): StoryKey[] {
  const keys: StoryKey[] = [];
  // Money that was spent is no deed that recurs.
  if (incident.rule.startsWith("budget-")) return keys;
  const strong = (...parts: readonly (string | undefined)[]): void => {
    if (parts.every((part) => part !== undefined && part !== ""))
      keys.push({ key: JSON.stringify(parts), maxGapMs: STRONG_GAP_MS });
  };
  if (incident.story !== undefined)
    keys.push({ key: JSON.stringify(["story", incident.story]), maxGapMs: Infinity });
  ownerKeys(incident, strong, keys);
  const user = proven.loginUser ?? proven.user;
  if (user !== undefined && !SHARED_USERS.has(user)) strong("user", user);
  strong("image", proven.image);
  strong("sandbox", proven.sandbox);
  const [best] = incident.causes ?? [];
  if (best && best.score >= MIN_CAUSE_SCORE) causeKeys(best, strong);
  return keys;
}

function ownerKeys(
  { node, ownerKey = "" }: Incident,
  strong: (...parts: readonly string[]) => void,
  keys: StoryKey[],
): void {
  const owner = parseOwnerKey(ownerKey);
  if (!owner) return;
  const isShared = NOBODY.has(owner.kind) || (owner.kind === "user" && SHARED_USERS.has(owner.id));
  if (isShared)
    keys.push({ key: JSON.stringify(["owner", ownerKey, node]), maxGapMs: WEAK_GAP_MS });
  // Processes and units are their node's; the others keep their name on every node.
  else if (owner.kind === "process" || owner.kind === "unit") strong("owner", ownerKey, node);
  else if (owner.kind === "user") strong("user", owner.id);
  else strong("owner", ownerKey);
}

function causeKeys(
  { context }: Cause,
  strong: (...parts: readonly (string | undefined)[]) => void,
): void {
  const { service = "", agent, session, image } = context;
  strong("session", session);
  strong("agent", service === "" ? "-" : service, agent);
  strong("image", image);
  if (agent === undefined && session === undefined) strong("service", service);
}
