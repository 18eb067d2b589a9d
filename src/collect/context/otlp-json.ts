import { z } from "zod";
import {
  type Attributes,
  type AttributeValue,
  bounded,
  malformedBody,
  MAX_NAME_LENGTH,
  MAX_VALUE_DEPTH,
  MAX_VALUE_ENTRIES,
  MAX_VALUE_LENGTH,
  type OtlpRecord,
  type OtlpSignal,
  type RawRecord,
  recordOf,
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
  body: z.unknown().optional(),
  attributes,
});

const traces = z.object({
  resourceSpans: many(
    z.object({ resource, scopeSpans: many(z.object({ spans: many(z.unknown()) })) }),
  ),
});
const logs = z.object({
  resourceLogs: many(
    z.object({ resource, scopeLogs: many(z.object({ logRecords: many(z.unknown()) })) }),
  ),
});

/**
 * The records of a request one by one, with the wanted attributes: who has much else to do need not
 * read a large one in one go.
 * @throws AssayError `context/malformed`
 */
export function* recordsOfJson(
  signal: OtlpSignal,
  body: unknown,
  wanted: ReadonlySet<string>,
): Generator<OtlpRecord> {
  const isRequest = typeof body === "object" && body !== null && !Array.isArray(body);
  if (!isRequest) throw malformedBody("the body is no JSON object");
  for (const { resource: of, records } of groupsOf(signal, body)) {
    const ofResource = attributesOf(of?.attributes, wanted);
    for (const record of records) yield recordOf(signal, rawOf(signal, record, wanted), ofResource);
  }
}

/** @throws AssayError `context/malformed` */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw malformedBody("the body is not JSON", cause);
  }
}

function groupsOf(signal: OtlpSignal, body: object) {
  if (signal === "traces")
    return checked(traces, body).resourceSpans.map(({ resource: of, scopeSpans }) => ({
      resource: of,
      records: scopeSpans.flatMap(({ spans }) => spans),
    }));
  return checked(logs, body).resourceLogs.map(({ resource: of, scopeLogs }) => ({
    resource: of,
    records: scopeLogs.flatMap(({ logRecords }) => logRecords),
  }));
}

function rawOf(signal: OtlpSignal, record: unknown, wanted: ReadonlySet<string>): RawRecord {
  if (signal === "traces") {
    const { attributes: list, ...fields } = checked(span, record);
    return { ...fields, attributes: attributesOf(list, wanted) };
  }
  const { attributes: list, body, eventName: name, ...fields } = checked(logRecord, record);
  return { ...fields, name, body: jsonValueOf(body), attributes: attributesOf(list, wanted) };
}

function checked<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
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
    return values
      .slice(0, MAX_VALUE_ENTRIES)
      .map((each) => jsonValueOf(each, depth + 1))
      .filter((value) => value !== undefined);
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
