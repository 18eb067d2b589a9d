import { ownerKey, type OwnerFacts, type OwnerIdentity } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";
import { BUILT_IN_RULES } from "./built-in-rules.ts";
import { applyRule, teamOf } from "./custom-rules.ts";
import { defined } from "./declared-facts.ts";
import { bounded, type Decision, type OwnerCase } from "./owner-case.ts";
import { conflictsOf } from "./owner-conflicts.ts";
import type { OwnerSettings } from "./rule-schema.ts";

/** Who a process works for, by the operator's rules and then by the built-in ones. */
export function decideOwner(given: OwnerCase, { rules, teams }: OwnerSettings): OwnerIdentity {
  const seen = { ...given, proven: { ...given.proven }, declared: { ...given.declared } };
  let found: (Decision & { rule: string }) | undefined;
  for (const rule of rules) {
    const outcome = applyRule(rule, seen);
    if (!outcome) continue;
    Object.assign(seen.proven, outcome.proven);
    Object.assign(seen.declared, outcome.declared);
    if (outcome.decision) found = { ...outcome.decision, rule: rule.name };
    if (found) break;
  }
  found ??= builtIn(seen);
  const { owner, rule, reason } = found;
  const proven = bounded(defined({ ...seen.proven, ...found.proven }));
  Object.assign(proven, teamOf(teams, ownerKey(owner), proven));
  const conflicts = conflictsOf(seen, owner);
  return { owner, rule, reason, proven, declared: beyond(seen.declared, proven), conflicts };
}

function builtIn(seen: OwnerCase): Decision & { rule: string } {
  for (const { name, decide } of BUILT_IN_RULES) {
    const decision = decide(seen);
    if (decision) return { ...decision, rule: name };
  }
  // The last rule takes everything: this is for the compiler.
  const { pid } = seen.process;
  return { owner: { kind: "process", id: sanitize(String(pid)) }, rule: "process", reason: "" };
}

/** What is declared and not proven anyway. */
function beyond(declared: OwnerFacts, proven: OwnerFacts): OwnerFacts {
  const entries = Object.entries(declared) as [keyof OwnerFacts, string | undefined][];
  return bounded(Object.fromEntries(entries.filter(([fact, value]) => value !== proven[fact])));
}
