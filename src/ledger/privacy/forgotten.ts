import type { Database } from "better-sqlite3";
import { z } from "zod";
import { parseOwnerKey } from "../../model/owner.ts";

/** Owners, and whom they are of by what was proven of them: several in a list. */
const OF_PEOPLE = `
  SELECT DISTINCT owner_key AS key, json_extract(json, '$.proven.user') AS people
  FROM owner_states WHERE erased = 0
  UNION SELECT key, NULL FROM owners WHERE kind = 'user' AND erased = 0`;

/** Owners with GPU time, or with news of them, since then. */
const ACTIVE = `
  SELECT o.key FROM hours h JOIN owners o ON o.id = h.owner_id WHERE h.hour >= @hour
  UNION SELECT owner_key FROM owner_states WHERE at_ms >= @beforeMs`;

const HOUR_MS = 3_600_000;

const rows = z.array(z.object({ key: z.string(), people: z.string().nullable() }));

/** Somebody of whom nothing is as new as that; undefined where there is nobody left. */
export function forgottenPerson(
  db: Database,
  { beforeMs, except }: { beforeMs: number; except: readonly string[] },
): string | undefined {
  const hour = Math.floor(beforeMs / HOUR_MS);
  const active = new Set(db.prepare(ACTIVE).pluck().all({ hour, beforeMs }));
  const isRecent = new Map<string, boolean>();
  for (const { key, people } of rows.parse(db.prepare(OF_PEOPLE).all())) {
    const owner = parseOwnerKey(key);
    const named = [...(people?.split(", ") ?? []), ...(owner?.kind === "user" ? [owner.id] : [])];
    for (const name of named)
      isRecent.set(
        name,
        (isRecent.get(name) ?? false) || active.has(key) || active.has(`idle:${key}`),
      );
  }
  const kept = new Set(except);
  for (const [name, recent] of isRecent)
    if (!recent && !kept.has(name) && !/^erased-\d/.test(name)) return name;
  return undefined;
}
