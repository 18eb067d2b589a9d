import type { IncidentPage, IncidentRow } from "../../alert/view/list.ts";
import { type Column, plainTable } from "../explain/table.ts";
import type { Page } from "../inspect/lines.ts";
import { causeName } from "./cause-text.ts";
import { clock, gpuTime, span } from "./words.ts";

const COLUMNS: readonly Column[] = [
  { head: "id", width: 12 },
  { head: "began (UTC)", width: 19 },
  { head: "lasted", width: 12 },
  { head: "severity", width: 8 },
  { head: "what" },
];

/** Digits of an id that tell it from the others of a list, and the fewest there are. */
const SHORTEST = 12;

/** Incidents as a table, the newest first. */
export function listText({ incidents, next }: IncidentPage, { width }: Page): string {
  if (incidents.length === 0) return "No such incident is known.\n";
  const ids = shortIds(incidents.map(({ id }) => id));
  const rows = incidents.map((row, i) => cells(row, ids[i] ?? row.id));
  const idWidth = Math.max(SHORTEST, ...ids.map((id) => id.length));
  const columns = COLUMNS.map((column) =>
    column.head === "id" ? { ...column, width: idWidth } : column,
  );
  const lines = plainTable(columns, rows, { width, isAiry: true });
  if (next !== undefined) lines.push("", `There are more: --after ${next}`);
  return `${lines.join("\n")}\n`;
}

function cells(row: IncidentRow, id: string): string[] {
  const { startedAt, resolvedAt, usage, cause, story } = row;
  const lasted = resolvedAt === undefined ? "goes on" : span(startedAt, resolvedAt);
  const more = [
    usage === undefined ? undefined : gpuTime(usage.gpuSeconds),
    cause === undefined ? undefined : `perhaps ${causeName(cause)}`,
    story === undefined ? undefined : `story ${story}`,
  ].filter((part) => part !== undefined);
  const what = more.length === 0 ? row.title : `${row.title}\n${more.join("; ")}`;
  return [id, clock(startedAt), lasted, row.severity, what];
}

/** The shortest beginnings that are all different. */
function shortIds(ids: readonly string[]): string[] {
  const longest = Math.max(...ids.map((id) => id.length));
  for (let length = SHORTEST; length < longest; length += 1) {
    const cut = ids.map((id) => id.slice(0, length));
    if (new Set(cut).size === new Set(ids).size) return cut;
  }
  return [...ids];
}
