import type { Database } from "better-sqlite3";
import { type Change, changed, type PersonalTable, rowsOf } from "./change.ts";
import { bareContext, fieldsOf, type Json, without, withoutCommand } from "./redact.ts";

type Ageing = Exclude<PersonalTable, "owners" | "acts" | "evidence">;

interface Rule {
  table: Ageing;
  /** Which rows have something to lose. */
  where: string;
  left: (value: Json) => Json;
  columns?: Change["columns"];
}

const COMMANDS: readonly Rule[] = [
  {
    table: "processes",
    where: "erased = 0 AND first_seen_ms < @beforeMs",
    left: withoutCommand,
  },
  {
    // What a process said of itself stands in its environment and its title.
    table: "owner_states",
    where: "erased = 0 AND at_ms < @beforeMs AND instr(json, '\"declared\":{}') = 0",
    left: (value) => ({ ...definedOf(value), declared: {} }),
  },
  {
    table: "contexts",
    where: "from_ms < @beforeMs AND instr(json, '\"arguments\":') > 0",
    left: (value) => without(value, "arguments"),
  },
  {
    table: "incident_states",
    where: "erased = 0 AND updated_at_ms < @beforeMs AND instr(json, '\"arguments\":') > 0",
    left: (value) => without(value, "arguments"),
  },
];

const CONTEXTS: readonly Rule[] = [
  {
    table: "contexts",
    // Longer than its times alone.
    where: "from_ms < @beforeMs AND (SELECT count(*) FROM json_each(json)) > 4",
    left: bareContext,
    columns: { context_id: null },
  },
];

/**
 * What age takes: at most `limit` rows, the oldest of each table first; the rest waits for the next
 * act. Run contexts that have ended and those that go on are alike: they count from their beginning.
 */
export function planAge(
  db: Database,
  select: { of: "commands" | "contexts"; beforeMs: number },
  limit: number,
): Change[] {
  const changes: Change[] = [];
  for (const { table, where, left, columns } of select.of === "commands" ? COMMANDS : CONTEXTS)
    for (const found of rowsOf(db, table, where, { beforeMs: select.beforeMs })) {
      if (changes.length >= limit) return changes;
      const change = changed(table, found, left(found.value), columns);
      if (change) changes.push(change);
    }
  return changes;
}

function definedOf(value: Json): { [key: string]: Json } {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).flatMap(([key, each]) =>
      each === undefined ? [] : [[key, each]],
    ),
  );
}
