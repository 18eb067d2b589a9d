import { OWNER_FACTS, type OwnerFacts } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";
import { baseName, MAX_FACT } from "./declared-facts.ts";
import { matchesGlob, matchPath } from "./glob.ts";
import type { Decision, OwnerCase } from "./owner-case.ts";
import { type CustomRule, placeholders, type TeamRule } from "./rule-schema.ts";

/** What a rule of the operator makes of a process. */
export interface CustomOutcome {
  /** Absent for a rule that only gives facts. */
  decision?: Decision | undefined;
  proven: OwnerFacts;
  declared: OwnerFacts;
}

/** A value, and whether the process itself chose it. */
interface Value {
  text: string;
  isDeclared: boolean;
}

/** @returns undefined where the rule does not hold, or names something that is not known here */
export function applyRule(rule: CustomRule, seen: OwnerCase): CustomOutcome | undefined {
  const taken = held(rule, seen);
  if (!taken) return undefined;
  const rests = restsOnWords(rule, seen);
  const outcome: CustomOutcome = { proven: {}, declared: {} };
  for (const fact of OWNER_FACTS) {
    const template = rule.facts?.[fact];
    const value = template === undefined ? undefined : filled(template, seen, taken);
    if (!value) continue;
    const side = rests || value.isDeclared ? outcome.declared : outcome.proven;
    side[fact] = value.text;
  }
  if (!rule.owner) return outcome;
  const id = filled(rule.owner.id, seen, taken);
  const decision = id && decided(rule, { ...id, isDeclared: id.isDeclared || rests }, seen);
  return decision && { ...outcome, decision };
}

/** What a process says of itself divides its own person's time, and no more. */
function decided(
  { name, owner }: CustomRule,
  { text, isDeclared }: Value,
  { person }: OwnerCase,
): Decision | undefined {
  if (!owner) return undefined;
  const { kind } = owner;
  if (!isDeclared) {
    const reason = `the operator's rule ${name} fits it`;
    return { owner: { kind, id: sanitize(text) }, reason };
  }
  // A person is never anybody's word.
  if (person === undefined || kind === "user") return undefined;
  const reason = sanitize(
    `the operator's rule ${name} fits what it says of itself, so it stays within ${person}'s time`,
  );
  return { owner: { kind, id: sanitize(`${person}/${text}`) }, reason };
}

/**
 * Whether a rule goes by what the process chose: its variables, its name, its program (which anybody
 * may run, with a library of his own in it), programs above it that are not root's, or groups in a tree that its user may write.
 */
function restsOnWords({ when }: CustomRule, seen: OwnerCase): boolean {
  if (when.environ ?? when.comm ?? when.exe) return true;
  if (when.cgroup !== undefined && isUsersTree(seen)) return true;
  return when.ancestor !== undefined && !hasAncestor(seen, when.ancestor, true);
}

function isUsersTree({ scope }: OwnerCase): boolean {
  return scope !== undefined && "ownerUid" in scope && scope.ownerUid !== undefined;
}

/** Inside a pod or a container, groups have whatever names it likes: only its own is looked at. */
function trustedPath({ scope, process }: OwnerCase): string | undefined {
  const isContained = scope?.kind === "pod" || scope?.kind === "container";
  return isContained ? scope.proof : process.cgroup;
}

/** What the rule's patterns took out; undefined where one does not fit. */
function held({ when }: CustomRule, seen: OwnerCase): Map<string, Value> | undefined {
  const { process, proven, person } = seen;
  const plain: readonly (readonly [string | undefined, string | undefined])[] = [
    [when.user, person],
    [when.comm, process.comm],
    [when.containerName, proven.containerName],
    [when.image, proven.image],
    [when.namespace, proven.namespace],
    ...Object.entries(when.environ ?? {}).map(
      ([name, pattern]) => [pattern, variable(seen, name)] as const,
    ),
  ];
  if (!plain.every(([pattern, text]) => fits(pattern, text))) return undefined;
  if (when.ancestor !== undefined && !hasAncestor(seen, when.ancestor)) return undefined;
  const taken = new Map<string, Value>();
  for (const [pattern, path, isDeclared] of [
    [when.cgroup, trustedPath(seen), isUsersTree(seen)],
    [when.exe, process.exe, true],
  ] as const) {
    if (pattern === undefined) continue;
    const found = path === undefined ? undefined : matchPath(pattern, path);
    if (!found) return undefined;
    for (const [name, text] of found) taken.set(name, { text, isDeclared });
  }
  return taken;
}

function fits(pattern: string | undefined, text: string | undefined): boolean {
  return pattern === undefined || (text !== undefined && matchesGlob(pattern, text));
}

function variable({ process }: OwnerCase, name: string): string | undefined {
  return new Map(Object.entries(process.environ ?? {})).get(name);
}

/** With `isRoots` only programs that root runs on the host count, by the file that the kernel names. */
function hasAncestor({ process, scope }: OwnerCase, pattern: string, isRoots = false): boolean {
  const isContained = scope?.kind === "pod" || scope?.kind === "container";
  if (isRoots && isContained) return false;
  return (process.lineage ?? []).some(({ comm, exe, user }) => {
    const names = isRoots ? [baseName(exe)] : [comm, baseName(exe)];
    return (!isRoots || user === "root") && names.some((n) => n !== undefined && fits(pattern, n));
  });
}

/** The template with its values; undefined where one of them is not known. */
function filled(
  template: string,
  { proven, declared }: OwnerCase,
  taken: ReadonlyMap<string, Value>,
): Value | undefined {
  const values = new Map<string, Value>(taken);
  for (const fact of OWNER_FACTS) {
    const text = proven[fact] ?? declared[fact];
    if (text !== undefined && !values.has(fact))
      values.set(fact, { text, isDeclared: proven[fact] === undefined });
  }
  const used = placeholders(template).map((name) => values.get(name));
  if (used.includes(undefined)) return undefined;
  const text = template.replaceAll(
    /\$\{(\w*)\}/g,
    (_, name: string) => values.get(name)?.text ?? "",
  );
  return { text: text.slice(0, MAX_FACT), isDeclared: used.some((value) => value?.isDeclared) };
}

/**
 * The team and cost centre of an owner, by the first rule that fits. Only what is proven counts:
 * else a variable of the environment would send the bill to another team.
 */
export function teamOf(teams: readonly TeamRule[], key: string, proven: OwnerFacts): OwnerFacts {
  const { user, account, namespace } = proven;
  const team = teams.find(
    ({ when }) =>
      fits(when.owner, key) &&
      fits(when.user, user) &&
      fits(when.account, account) &&
      fits(when.namespace, namespace),
  );
  if (!team) return {};
  return {
    ...(team.team !== undefined && { team: team.team }),
    ...(team.costCentre !== undefined && { costCentre: team.costCentre }),
  };
}
