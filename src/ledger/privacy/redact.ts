import { createHash } from "node:crypto";

/** A record as it comes out of JSON. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Fields of words that the program chose, or that tell records apart: no name is ever in them. */
const FIXED: ReadonlySet<string> = new Set([
  "kind",
  "label",
  "basis",
  "rule",
  "severity",
  "state",
  "family",
  "feature",
  "weights",
  "node",
  "gpuUuid",
  "gpuUuids",
  "modelVersion",
  "agentVersion",
  "scheduler",
  "currency",
  "unit",
  "period",
  "documentDigest",
  "chainHash",
]);

/** As {@link renamed}; its id tells a record's states together, and stays. */
export function renamedRecord(value: Json, rename: (text: string) => string): Json {
  const next = renamed(value, rename);
  const { id } = fieldsOf(value);
  return isRecord(next) && id !== undefined ? { ...next, id } : next;
}

/** Every string of a record through `rename`, also where it stands as the key of a sum. */
export function renamed(value: Json, rename: (text: string) => string): Json {
  if (typeof value === "string") return rename(value);
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.includes(":") ? rename(key) : key,
      FIXED.has(key) && typeof each !== "object" ? each : renamed(each, rename),
    ]),
  );
}

/** The same without the fields of that name, wherever they are. */
export function without(value: Json, field: string): Json {
  if (Array.isArray(value)) return value.map((each) => without(each, field));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== field)
      .map(([key, each]) => [key, without(each, field)]),
  );
}

/**
 * An issued report holds its document as JSON text. Its digest follows it: that of what was there
 * before would tell whoever guesses the name that he guessed right.
 */
export function renamedAct(act: Json, rename: (text: string) => string): Json {
  if (!isRecord(act)) return act;
  const next = renamedRecord(act, rename);
  if (!isRecord(next) || typeof act.document !== "string") return next;
  const document = renamedText(act.document, rename);
  if (document === act.document) return next;
  const documentDigest = createHash("sha256").update(document).digest("hex");
  return { ...next, document, documentDigest };
}

function renamedText(text: string, rename: (text: string) => string): string {
  try {
    const parsed: Json = JSON.parse(text);
    const other = renamed(parsed, rename);
    if (JSON.stringify(other) === JSON.stringify(parsed)) return text;
    const indent = text.startsWith("{\n  ") ? 2 : 0;
    const written = JSON.stringify(other, undefined, indent);
    return text.endsWith("\n") ? `${written}\n` : written;
  } catch {
    return rename(text);
  }
}

/** What is left of an owner's record: that there was one. */
export function bareOwner(state: Json, owner: Json, key: string): Json {
  const { node = "", atMs = 0, rule = "" } = fieldsOf(state);
  const reason = "it was erased";
  return { node, key, atMs, owner, rule, reason, proven: {}, declared: {}, conflicts: [] };
}

/** What is left of a person's process: its numbers, its devices and its owner. */
export function bareProcess(process: Json, ownerKey: string): Json {
  const { node, pid, startTimeMs, gpuUuids, ppid, firstSeenMs } = fieldsOf(process);
  return defined({ node, pid, startTimeMs, gpuUuids, ownerKey, ppid, firstSeenMs });
}

/** A process without its command line; of programs the name alone is left. */
export function withoutCommand(process: Json): Json {
  const { command: _, exe, lineage, ...kept } = fieldsOf(process);
  const above = Array.isArray(lineage) ? lineage.map(withoutTitle) : undefined;
  return defined({ ...kept, exe: programOf(exe), lineage: above });
}

function withoutTitle(ancestor: Json): Json {
  const { title: _, exe, ...kept } = fieldsOf(ancestor);
  return defined({ ...kept, exe: programOf(exe) });
}

function programOf(exe: Json | undefined): Json | undefined {
  return typeof exe === "string" ? exe.slice(exe.lastIndexOf("/") + 1) : undefined;
}

/** What is left of a run's context: when it was. */
export function bareContext(context: Json): Json {
  const { kind, atMs, fromMs, toMs } = fieldsOf(context);
  return defined({ kind, atMs, fromMs, toMs });
}

export function isRecord(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fieldsOf(value: Json | undefined): { [key: string]: Json | undefined } {
  return isRecord(value) ? value : {};
}

function defined(fields: { [key: string]: Json | undefined }): Json {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
