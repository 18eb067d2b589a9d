import type { OwnerFacts } from "../model/owner.ts";
import { matchesPattern } from "./pattern.ts";

const FACTS = { "team:": "team", "cost-centre:": "costCentre", "user:": "user" } as const;

/** The fact a budget's owner speaks of, and its value; undefined where it is an owner's key alone. */
function factOf(
  owner: string,
): { fact: "team" | "costCentre" | "user"; value: string } | undefined {
  for (const prefix of ["team:", "cost-centre:", "user:"] as const)
    if (owner.startsWith(prefix)) return { fact: FACTS[prefix], value: owner.slice(prefix.length) };
  return undefined;
}

/** Whether what is known of owners decides whom a budget is for: that may become known late. */
export function goesByFacts(owner: string): boolean {
  return factOf(owner) !== undefined;
}

/**
 * Whether an owner's spending counts for a budget: by the owner's key, in which `*` stands for any
 * characters, or by what is proven of the owner: `team:vision`, `cost-centre:4100`, `user:alice`.
 */
export function countsForBudget(
  owner: string,
  key: string,
  facts: OwnerFacts | undefined,
): boolean {
  if (matchesPattern(owner, key)) return true;
  const wanted = factOf(owner);
  const known = wanted && facts?.[wanted.fact];
  return known !== undefined && matchesPattern(wanted?.value ?? "", known);
}
