import { z } from "zod";

/** Which attribute says what, as a data file has it: names in the order in which they are preferred. */
const names = z.array(z.string().min(1)).min(1);
const dated = { date: z.iso.date(), source: z.string().min(1) };
const list = z.strictObject({ ...dated, values: names });
const kinds = z.record(z.string(), names);

/** The texts of a context that come from one attribute each. */
export const CONTEXT_FIELDS = [
  "service",
  "agent",
  "run",
  "episode",
  "session",
  "container",
  "image",
  "host",
  "arguments",
] as const;

export const contextTableSchema = z.strictObject({
  version: z.string(),
  fields: z.strictObject({
    service: list,
    agent: list,
    run: list,
    episode: list,
    session: list,
    container: list,
    image: list,
    host: list,
    arguments: list,
  }),
  pids: z.strictObject({ ...dated, sender: names, started: names }),
  toolCalls: z.strictObject({
    ...dated,
    kinds,
    names,
    ids: names,
    begins: names,
    ends: names,
    /** Attribute → milliseconds in one of its unit. */
    durations: z.record(z.string(), z.number().positive()),
  }),
  /** Spans that are kept as they are, beside tool calls; all others only widen their service's. */
  whole: z.strictObject({ ...dated, kinds, names }),
  eventName: list,
});

export type ContextTable = z.infer<typeof contextTableSchema>;

/** The attributes that anything is made of: no other is ever kept. */
export function wantedOf(table: ContextTable): ReadonlySet<string> {
  const { fields, pids, toolCalls, whole, eventName } = table;
  return new Set([
    ...Object.values(fields).flatMap(({ values }) => values),
    ...pids.sender,
    ...pids.started,
    ...Object.keys(toolCalls.kinds),
    ...toolCalls.names,
    ...toolCalls.ids,
    ...Object.keys(toolCalls.durations),
    ...Object.keys(whole.kinds),
    ...eventName.values,
  ]);
}
