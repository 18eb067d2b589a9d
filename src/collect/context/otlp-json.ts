import { z } from "zod";
import {
  type Attributes,
  type AttributeValue,
  bounded,
  idOf,
  malformedBody,
  MAX_NAME_LENGTH,
  MAX_VALUE_DEPTH,
  MAX_VALUE_ENTRIES,
  MAX_VALUE_LENGTH,
  millisecondsOfNanos,
  type OtlpRecord,
  type OtlpSignal,
} from "./otlp.ts";

/* OTLP's mapping to JSON: ids in hex, 64-bit integers as text, unknown fields skipped. */

const many = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((list) => list ?? []);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);
const time = z.union([z.string(), z.number()]).nullish();
const attributes = z.array(z.unknown()).nullish();
const resource = z.object({ attributes }).nullish();

const span = z.object({
  traceId: text,
  spanId: text,
  name: text,
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
});

const logRecord = z.object({
  timeUnixNano: time,
  observedTimeUnixNano: time,
  traceId: text,
  spanId: text,
  eventName: text,
  body: z.unknown(),
  attributes,
});

const traces = z.object({
  resourceSpans: many(z.object({ resource, scopeSpans: many(z.object({ spans: many(span) })) })),
});
const logs = z.object({
  resourceLogs: many(
    z.object({ resource, scopeLogs: many(z.object({ logRecords: many(logRecord) })) }),
  ),
});

/**
 * The records of a request, with the wanted attributes.
 * @throws AssayError `context/malformed`
 */
export function recordsOfJson(
  signal: OtlpSignal,
  body: unknown,
  wanted: ReadonlySet<string>,
): OtlpRecord[] {
  const isRequest = typeof body === "object" && body !== null && !Array.isArray(body);
  if (!isRequest) throw malformedBody("the body is no JSON object");
  return signal === "traces" ? spansOf(body, wanted) : logsOf(body, wanted);
}

/** @throws AssayError `context/malformed` */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw malformedBody("the body is not JSON", cause);
  }
}

function spansOf(body: object, wanted: ReadonlySet<string>): OtlpRecord[] {
  return checked(traces, body).resourceSpans.flatMap(({ resource: of, scopeSpans }) => {
    const ofResource = attributesOf(of?.attributes, wanted);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((each): OtlpRecord => ({
        kind: "span",
        name: each.name === undefined ? undefined : bounded(each.name, MAX_NAME_LENGTH),
        traceId: idOf(each.traceId, 32),
        spanId: idOf(each.spanId, 16),
        fromMs: millisecondsOfNanos(each.startTimeUnixNano),
        toMs: millisecondsOfNanos(each.endTimeUnixNano),
        body: undefined,
        attributes: attributesOf(each.attributes, wanted),
        resource: ofResource,
      })),
    );
  });
}

function logsOf(body: object, wanted: ReadonlySet<string>): OtlpRecord[] {
  return checked(logs, body).resourceLogs.flatMap(({ resource: of, scopeLogs }) => {
    const ofResource = attributesOf(of?.attributes, wanted);
    return scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((each): OtlpRecord => {
        const said = jsonValueOf(each.body);
        const { timeUnixNano, observedTimeUnixNano, eventName } = each;
        return {
          kind: "log",
          name: eventName === undefined ? undefined : bounded(eventName, MAX_NAME_LENGTH),
          traceId: idOf(each.traceId, 32),
          spanId: idOf(each.spanId, 16),
          fromMs: undefined,
          toMs: millisecondsOfNanos(timeUnixNano) ?? millisecondsOfNanos(observedTimeUnixNano),
          body: typeof said === "string" ? bounded(said, MAX_NAME_LENGTH) : undefined,
          attributes: attributesOf(each.attributes, wanted),
          resource: ofResource,
        };
      }),
    );
  });
}

function checked<T extends z.ZodType>(schema: T, body: object): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformedBody(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "of the wrong type"}`);
}

function attributesOf(
  list: readonly unknown[] | null | undefined,
  wanted: ReadonlySet<string>,
): Attributes {
  const found = new Map<string, AttributeValue>();
  for (const entry of list ?? []) {
    if (!isObject(entry)) continue;
    const { key } = entry;
    if (typeof key !== "string" || !wanted.has(key)) continue;
    const value = jsonValueOf(entry["value"]);
    if (value !== undefined) found.set(key, value);
  }
  return found;
}

/** An AnyValue of OTLP; undefined where it holds nothing, or lies too deep. */
function jsonValueOf(any: unknown, depth = 0): AttributeValue | undefined {
  if (!isObject(any) || depth > MAX_VALUE_DEPTH) return undefined;
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue } = any;
  if (typeof stringValue === "string") return bounded(stringValue, MAX_VALUE_LENGTH);
  if (typeof boolValue === "boolean") return boolValue;
  for (const value of [intValue, doubleValue]) {
    if (typeof value !== "number" && typeof value !== "string") continue;
    const number = value === "" ? Number.NaN : Number(value);
    return Number.isFinite(number) ? number : undefined;
  }
  if (isObject(arrayValue)) {
    const values = Array.isArray(arrayValue["values"]) ? arrayValue["values"] : [];
    return values.slice(0, MAX_VALUE_ENTRIES).flatMap((each) => jsonValueOf(each, depth + 1) ?? []);
  }
  if (!isObject(kvlistValue)) return undefined;
  const entries = Array.isArray(kvlistValue["values"]) ? kvlistValue["values"] : [];
  const read = entries.slice(0, MAX_VALUE_ENTRIES).flatMap((entry: unknown) => {
    if (!isObject(entry) || typeof entry["key"] !== "string") return [];
    const value = jsonValueOf(entry["value"], depth + 1);
    return value === undefined ? [] : [[bounded(entry["key"], MAX_NAME_LENGTH), value] as const];
  });
  return Object.fromEntries(read);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
