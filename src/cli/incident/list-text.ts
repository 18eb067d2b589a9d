import type { IncidentPage, IncidentRow } from "../../alert/view/list.ts";
import { fit } from "../explain/table.ts";
import type { Page } from "../inspect/lines.ts";
import { causeName } from "./cause-text.ts";
import { clock, gpuTime, span } from "./words.ts";

/** Digits of an id that tell it from the others of a list, and the fewest there are. */
const SHORTEST = 12;

/** Incidents, the newest first: when and how grave, what, and what is known of it. */
export function listText({ incidents, next }: IncidentPage, { width }: Page): string {
  if (incidents.length === 0) return "No such incident is known.\n";
  const ids = shortIds(incidents.map(({ id }) => id));
  const lines = incidents.flatMap((row, i) => [...rowLines(row, ids[i] ?? row.id, width), ""]);
  if (next !== undefined) lines.push(`There are more: --after ${next}`, "");
  return lines.join("\n");
}

function rowLines(row: IncidentRow, id: string, width: number): string[] {
  const { startedAt, resolvedAt, usage, causes, story, severity, title } = row;
  const [cause] = causes;
  const lasted = resolvedAt === undefined ? "goes on" : `lasted ${span(startedAt, resolvedAt)}`;
  const known = [
    usage === undefined ? undefined : gpuTime(usage.gpuSeconds),
    story === undefined ? undefined : `story ${story}`,
    cause === undefined ? undefined : `perhaps ${causeName(cause)}`,
  ].filter((part) => part !== undefined);
  const text = [title, ...(known.length === 0 ? [] : [known.join("; ")])];
  return [
    `${id}  ${clock(startedAt)} UTC  ${severity}, ${lasted}`,
    ...text.flatMap((each) => fit(each, width - 4).split("\n")).map((line) => `    ${line}`),
  ];
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
