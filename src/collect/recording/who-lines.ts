import { z } from "zod";
import type { ContextObservation } from "../../model/observation.ts";
import type { RegistrySample, SocketSample, SocketSighting } from "../../model/sample.ts";
import { checked, countUnknown, entriesOf } from "./checked.ts";
import { isRecord, millisecondsOf, type RawLine, withoutNulls } from "./fields.ts";
import { type LinePlace, malformed } from "./place.ts";
import type { WarningLog } from "./warnings.ts";

/* Lines on who was there: connections, what schedulers and engines say, and what runs said they did. */

const index = z.int().min(0);
const port = z.int().min(0).max(65_535);
const text = z.string();
const bytes = z.number().min(0);

const socketSchema = z.object({
  pid: index,
  protocol: text,
  localAddress: text,
  localPort: port,
  remoteAddress: text,
  remotePort: port,
  state: text,
  remoteName: text.optional(),
  bytesSent: bytes.optional(),
  bytesReceived: bytes.optional(),
  firstSeen: z.number().optional(),
});

const socketsSchema = z.object({ kind: text, t: z.number(), list: z.array(socketSchema) });

const registryEntrySchema = z.object({
  gpus: z.array(text).optional(),
  container: z
    .object({ id: text.optional(), name: text.optional(), image: text.optional() })
    .optional(),
  pod: z
    .object({ namespace: text, name: text, uid: text.optional(), container: text.optional() })
    .optional(),
  job: z
    .object({
      scheduler: text,
      id: text,
      user: text.optional(),
      uid: index.optional(),
      account: text.optional(),
      partition: text.optional(),
      name: text.optional(),
    })
    .optional(),
  labels: z.record(text, text).optional(),
});

const registrySchema = z.object({
  kind: text,
  t: z.number(),
  source: text,
  entries: z.array(registryEntrySchema),
});

const contextSchema = z.object({
  kind: text,
  t: z.number().optional(),
  from: z.number(),
  to: z.number().optional(),
  service: text.optional(),
  agent: text.optional(),
  run: text.optional(),
  episode: text.optional(),
  session: text.optional(),
  tool: text.optional(),
  arguments: text.optional(),
  container: text.optional(),
  image: text.optional(),
  host: text.optional(),
  pids: z.array(index).optional(),
  id: text.optional(),
  skewMs: z.number().optional(),
});

export function socketsOf(raw: RawLine, at: LinePlace, warnings: WarningLog): SocketSample {
  const list = entriesOf(raw["list"]);
  const line = checked(socketsSchema, { ...raw, list }, at, warnings);
  if (Array.isArray(list)) countUnknown("list", list, socketSchema, at, warnings);
  return {
    kind: "sockets",
    atMs: millisecondsOf(line.t, "t", at),
    list: line.list.map(({ firstSeen, ...socket }): SocketSighting => {
      if (firstSeen === undefined) return socket;
      return { ...socket, firstSeenMs: millisecondsOf(firstSeen, "list.firstSeen", at) };
    }),
  };
}

/** Null is "not told" in what an entry holds, too. */
function deepEntriesOf(list: unknown): unknown {
  const entries = entriesOf(list);
  if (!Array.isArray(entries)) return entries;
  return entries.map((entry: unknown) => {
    if (!isRecord(entry)) return entry;
    const parts = Object.entries(entry).map(([name, part]) => [
      name,
      isRecord(part) ? withoutNulls(part) : part,
    ]);
    return Object.fromEntries(parts);
  });
}

export function registryOf(raw: RawLine, at: LinePlace, warnings: WarningLog): RegistrySample {
  const entries = deepEntriesOf(raw["entries"]);
  const line = checked(registrySchema, { ...raw, entries }, at, warnings);
  const { source } = line;
  if (Array.isArray(entries)) countUnknown("entries", entries, registryEntrySchema, at, warnings);
  return {
    kind: "registry",
    atMs: millisecondsOf(line.t, "t", at),
    source,
    entries: line.entries,
  };
}

export function contextOf(raw: RawLine, at: LinePlace, warnings: WarningLog): ContextObservation {
  const { t, from, to, kind: _, ...line } = checked(contextSchema, raw, at, warnings);
  const fromMs = millisecondsOf(from, "from", at);
  const toMs = to === undefined ? undefined : millisecondsOf(to, "to", at);
  if (toMs !== undefined && toMs < fromMs)
    throw malformed(at, "a context must not end before it begins");
  // Without a time of its own it counts as heard of when it ended, or else when it began.
  const atMs = t === undefined ? (toMs ?? fromMs) : millisecondsOf(t, "t", at);
  return { ...line, kind: "context", atMs, fromMs, ...(toMs !== undefined && { toMs }) };
}
