import { holderOf, parseOwnerKey } from "../../model/owner.ts";

/** Whose line it is in a list of owners: held time goes to its holder, the rest by its own name. */
export function bearerOf(ownerKey: string): string {
  const owner = parseOwnerKey(ownerKey);
  return (owner && holderOf(owner)) ?? ownerKey;
}
