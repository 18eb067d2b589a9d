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
import { decodeMessage } from "./otlp-messages.ts";

const bytes = z.instanceof(Uint8Array).optional();
const time = z.string().optional();
const keyValue = z.object({ key: z.string().optional(), value: bytes });
const attributes = z.array(keyValue).default([]);
const resource = z.object({ attributes }).optional();

const anyValue = z.object({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  intValue: z.string().optional(),
  doubleValue: z.number().optional(),
  arrayValue: bytes,
  kvlistValue: bytes,
});
const arrayValue = z.object({ values: z.array(z.instanceof(Uint8Array)).default([]) });
const keyValueList = z.object({ values: attributes });

const span = z.object({
  traceId: bytes,
  spanId: bytes,
  name: z.string().optional(),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
});
const logRecord = z.object({
  timeUnixNano: time,
  observedTimeUnixNano: time,
  body: bytes,
  traceId: bytes,
  spanId: bytes,
  eventName: z.string().optional(),
  attributes,
});
const pieces = z.array(z.instanceof(Uint8Array)).default([]);
/** Field 1 of a request and 2 of the two layers below it are lists for traces and logs alike. */
const request = z.object({ groups: pieces });
const group = z.object({ resource, scopes: pieces });
const scope = z.object({ records: pieces });

/**
 * The records of a request in protobuf one by one, with the wanted attributes.
 * @throws AssayError `context/malformed`
 */
export function* recordsOfProtobuf(
  signal: OtlpSignal,
  body: Uint8Array,
  wanted: ReadonlySet<string>,
): Generator<OtlpRecord> {
  try {
    yield* recordsOf(signal, body, wanted);
  } catch (cause) {
    throw malformedBody("the body is no message of OTLP", cause);
  }
}

function* recordsOf(
  signal: OtlpSignal,
  body: Uint8Array,
  wanted: ReadonlySet<string>,
): Generator<OtlpRecord> {
  for (const ofGroup of request.parse(decodeMessage("Request", body)).groups) {
    const { resource: of, scopes } = group.parse(decodeMessage("Group", ofGroup));
    const ofResource = attributesOf(of?.attributes, wanted);
    for (const ofScope of scopes)
      for (const record of scope.parse(decodeMessage("Scope", ofScope)).records)
        yield recordOf(signal, rawOf(signal, record, wanted), ofResource);
  }
}

function rawOf(signal: OtlpSignal, record: Uint8Array, wanted: ReadonlySet<string>): RawRecord {
  if (signal === "traces") {
    const {
      traceId,
      spanId,
      attributes: list,
      ...fields
    } = span.parse(decodeMessage("Span", record));
    return {
      ...fields,
      ...idsOf(traceId, spanId),
      name: fields.name,
      attributes: attributesOf(list, wanted),
    };
  }
  const {
    traceId,
    spanId,
    attributes: list,
    body,
    eventName: name,
    ...fields
  } = logRecord.parse(decodeMessage("LogRecord", record));
  const said = body && valueOf(body);
  return {
    ...fields,
    ...idsOf(traceId, spanId),
    name,
    body: said,
    attributes: attributesOf(list, wanted),
  };
}

function idsOf(traceId: Uint8Array | undefined, spanId: Uint8Array | undefined) {
  return { traceId: hexOf(traceId), spanId: hexOf(spanId) };
}

function attributesOf(
  list: readonly z.infer<typeof keyValue>[] | undefined,
  wanted: ReadonlySet<string>,
): Attributes {
  const found = new Map<string, AttributeValue>();
  for (const { key, value } of list ?? []) {
    if (key === undefined || value === undefined || !wanted.has(key)) continue;
    const read = valueOf(value);
    if (read !== undefined) found.set(key, read);
  }
  return found;
}

/** An AnyValue; undefined where it holds nothing, or lies too deep. @throws Error where it is none */
function valueOf(encoded: Uint8Array, depth = 0): AttributeValue | undefined {
  if (depth > MAX_VALUE_DEPTH) return undefined;
  const any = anyValue.parse(decodeMessage("AnyValue", encoded));
  if (any.stringValue !== undefined) return bounded(any.stringValue, MAX_VALUE_LENGTH);
  if (any.boolValue !== undefined) return any.boolValue;
  const number = any.intValue === undefined ? any.doubleValue : Number(any.intValue);
  if (number !== undefined) return Number.isFinite(number) ? number : undefined;
  if (any.arrayValue) {
    const { values } = arrayValue.parse(decodeMessage("ArrayValue", any.arrayValue));
    return values
      .slice(0, MAX_VALUE_ENTRIES)
      .map((each) => valueOf(each, depth + 1))
      .filter((value) => value !== undefined);
  }
  if (!any.kvlistValue) return undefined;
  const { values } = keyValueList.parse(decodeMessage("KeyValueList", any.kvlistValue));
  const read = values.slice(0, MAX_VALUE_ENTRIES).flatMap(({ key = "", value }) => {
    const inner = value && valueOf(value, depth + 1);
    return inner === undefined ? [] : [[bounded(key, MAX_NAME_LENGTH), inner] as const];
  });
  return Object.fromEntries(read);
}

function hexOf(id: Uint8Array | undefined): string | undefined {
  return id && Buffer.from(id).toString("hex");
}
