import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { RunContext } from "../../model/observation.ts";
import { CONTEXT_FIELDS, type ContextTable } from "./attribute-table.ts";
import { type AttributeValue, bounded, MAX_NAME_LENGTH, type OtlpRecord } from "./otlp.ts";
import { maskSecrets } from "./secrets.ts";

/** What one record says, before it is known when it was heard and how its sender's clock goes. */
export interface Mapped {
  context: RunContext;
  /** How it is kept: as it is; joined with other words on the same call; or into what its service does. */
  keep: "whole" | "call" | "folded";
  /** Of the sender itself, which was there before the context began. */
  senderPid: number | undefined;
}

export const MAX_ARGUMENTS = 1024;
const MAX_PIDS = 64;
const MAX_PID = 2 ** 22;
/** No tool call lasts longer: what claims to is some other figure. */
const MAX_DURATION_MS = 7 * 86_400_000;

/**
 * A span or log record as a context; undefined where it says nothing of who did it. `time` where it
 * has no time that could be one: such a record is to be refused.
 */
export function mappedOf(record: OtlpRecord, table: ContextTable): Mapped | "time" | undefined {
  const find = finder(record);
  const texts: Omit<RunContext, "fromMs"> = {};
  for (const field of CONTEXT_FIELDS) {
    if (field === "arguments") continue;
    const value = textOf(find(table.fields[field].values));
    if (value !== undefined) texts[field] = value;
  }
  const call = toolCallOf(record, table, find);
  if (!call && !hasName(texts)) return undefined;
  const times = timesOf(record, table, find, call);
  if (!times) return "time";
  const senderPid = pidsOf(find(table.pids.sender))[0];
  const pids = [
    ...new Set([
      ...pidsOf(find(table.pids.started)),
      ...(senderPid === undefined ? [] : [senderPid]),
    ]),
  ];
  const context: RunContext = {
    ...times,
    ...texts,
    ...(call && { tool: call.tool }),
    ...(call && argumentsOf(find(table.fields.arguments.values))),
    ...(pids.length > 0 && { pids: pids.slice(0, MAX_PIDS) }),
  };
  const callId = call && textOf(find(table.toolCalls.ids));
  const isWhole = call !== undefined || isWholeSpan(record, table);
  const keep = callId === undefined ? (isWhole ? "whole" : "folded") : "call";
  if (keep === "folded") return { context, keep, senderPid };
  return { context: { ...context, id: idFor(record, context, callId) }, keep, senderPid };
}

type Find = (keys: readonly string[]) => AttributeValue | undefined;

/** The first key that the record has, or else its resource. */
function finder({ attributes, resource }: OtlpRecord): Find {
  return (keys) => {
    for (const from of [attributes, resource])
      for (const key of keys) {
        const value = from.get(key);
        if (value !== undefined && value !== "") return value;
      }
    return undefined;
  };
}

interface ToolCall {
  tool: string;
  part: "begin" | "end" | "both";
}

function toolCallOf(record: OtlpRecord, table: ContextTable, find: Find): ToolCall | undefined {
  const { kinds, names, begins, ends } = table.toolCalls;
  const event = eventOf(record, table);
  const isNamed = (suffixes: readonly string[]): boolean =>
    suffixes.some((suffix) => event === suffix || event?.endsWith(`.${suffix}`) === true);
  const isEnd = isNamed(ends);
  const isBegin = !isEnd && isNamed(begins);
  const isKind = isOfKind(record, kinds);
  // Of a log the name of a tool alone may stand in anything that is said of it: a decision, a prompt.
  const isCall = isKind || isBegin || isEnd || (record.kind === "span" && hasOwn(record, names));
  if (
    !isCall ||
    (record.kind === "span" && !isKind && !isBegin && !isEnd && isOther(record, table))
  )
    return undefined;
  const spanName =
    record.kind === "span" ? record.name?.replace(/^execute_tool\s+/, "") : undefined;
  const tool = textOf(find(names)) ?? spanName ?? event;
  if (tool === undefined || tool === "") return undefined;
  const part = record.kind === "span" ? "both" : isEnd ? "end" : "begin";
  return { tool: bounded(tool, MAX_NAME_LENGTH), part };
}

/** The key that names a tool in one convention names the agent in the same for another kind of span. */
function isOther(record: OtlpRecord, { toolCalls }: ContextTable): boolean {
  return Object.keys(toolCalls.kinds).some((key) => record.attributes.has(key));
}

function hasOwn({ attributes }: OtlpRecord, keys: readonly string[]): boolean {
  return keys.some((key) => attributes.has(key));
}

function isOfKind(
  { attributes }: OtlpRecord,
  kinds: Readonly<Record<string, readonly string[]>>,
): boolean {
  return Object.entries(kinds).some(([key, values]) => {
    const value = attributes.get(key);
    return typeof value === "string" && values.includes(value);
  });
}

function isWholeSpan(record: OtlpRecord, { whole }: ContextTable): boolean {
  if (record.kind !== "span") return false;
  if (isOfKind(record, whole.kinds)) return true;
  const words = record.name?.toLowerCase().split(/[^a-z]+/) ?? [];
  return words.some((word) => whole.names.includes(word));
}

/** The name of a log's event: its own field, the attribute of older senders, or its text. */
function eventOf(record: OtlpRecord, { eventName }: ContextTable): string | undefined {
  if (record.kind === "span") return record.name;
  const attribute = eventName.values.map((key) => record.attributes.get(key));
  const named = attribute.find((value) => typeof value === "string");
  const body = record.body?.trim();
  return (
    record.name ??
    (typeof named === "string" ? named : undefined) ??
    (body && /^[\w.]+$/.test(body) ? body : undefined)
  );
}

/** A span has both its times; a log has one, and says at most how long it took until then. */
function timesOf(
  record: OtlpRecord,
  { toolCalls }: ContextTable,
  find: Find,
  call: ToolCall | undefined,
): { fromMs: number; toMs?: number } | undefined {
  const { toMs, fromMs } = record;
  if (record.kind === "span") {
    if (fromMs === undefined || (toMs !== undefined && toMs < fromMs)) return undefined;
    return toMs === undefined ? { fromMs } : { fromMs, toMs };
  }
  if (toMs === undefined) return undefined;
  if (!call) return { fromMs: toMs, toMs };
  const durationMs = durationOf(toolCalls.durations, find);
  if (durationMs !== undefined) return { fromMs: toMs - durationMs, toMs };
  return call.part === "begin" ? { fromMs: toMs } : { fromMs: toMs, toMs };
}

function durationOf(units: Readonly<Record<string, number>>, find: Find): number | undefined {
  for (const [key, unitMs] of Object.entries(units)) {
    const value = Number(find([key]) ?? Number.NaN);
    const durationMs = Math.round(value * unitMs);
    if (durationMs >= 0 && durationMs <= MAX_DURATION_MS) return durationMs;
  }
  return undefined;
}

function argumentsOf(value: AttributeValue | undefined): { arguments?: string } {
  if (value === undefined) return {};
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // Masked before it is cut: half a secret is no longer one that is recognised.
  return { arguments: bounded(maskSecrets(text), MAX_ARGUMENTS) };
}

function textOf(value: AttributeValue | undefined): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? bounded(value, MAX_NAME_LENGTH) : undefined;
}

function pidsOf(value: AttributeValue | undefined): number[] {
  const list = Array.isArray(value)
    ? value
    : typeof value === "string"
      ? value.split(/[\s,]+/, MAX_PIDS)
      : [value];
  return list.flatMap((each: unknown) => {
    const pid = typeof each === "string" && each !== "" ? Number(each) : each;
    const isPid = typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && pid <= MAX_PID;
    return isPid ? [pid] : [];
  });
}

function hasName({ service, agent, run, episode, session }: Omit<RunContext, "fromMs">): boolean {
  return [service, agent, run, episode, session].some((name) => name !== undefined);
}

/** The same for the same record however often it is sent, and for all words on one call. */
function idFor(record: OtlpRecord, context: RunContext, callId: string | undefined): string {
  const { service = "", session = "", host = "" } = context;
  if (callId !== undefined) return `call:${hashOf([service, host, session, callId])}`;
  const { traceId, spanId } = record;
  if (record.kind === "span" && traceId !== undefined && spanId !== undefined)
    return `span:${traceId}-${spanId}`;
  return `${record.kind}:${hashOf([traceId ?? "", spanId ?? "", JSON.stringify(context)])}`;
}

/** 128 bits: nobody meets another one's by chance. */
export function hashOf(parts: readonly string[]): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(parts)))).slice(0, 32);
}
