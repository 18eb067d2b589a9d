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
const many = <T extends z.ZodType>(item: T) => z.array(item).default([]);
const traces = z.object({
  resourceSpans: many(z.object({ resource, scopeSpans: many(z.object({ spans: many(span) })) })),
});
const logs = z.object({
  resourceLogs: many(
    z.object({ resource, scopeLogs: many(z.object({ logRecords: many(logRecord) })) }),
  ),
});

/**
 * The records of a request in protobuf, with the wanted attributes.
 * @throws AssayError `context/malformed`
 */
export function recordsOfProtobuf(
  signal: OtlpSignal,
  body: Uint8Array,
  wanted: ReadonlySet<string>,
): OtlpRecord[] {
  try {
    return signal === "traces" ? spansOf(body, wanted) : logsOf(body, wanted);
  } catch (cause) {
    throw malformedBody("the body is no message of OTLP", cause);
  }
}

function spansOf(body: Uint8Array, wanted: ReadonlySet<string>): OtlpRecord[] {
  const request = traces.parse(decodeMessage("ExportTraceServiceRequest", body));
  return request.resourceSpans.flatMap(({ resource: of, scopeSpans }) => {
    const ofResource = attributesOf(of?.attributes, wanted);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((each): OtlpRecord => ({
        kind: "span",
        name: each.name === undefined ? undefined : bounded(each.name, MAX_NAME_LENGTH),
        traceId: idOf(hexOf(each.traceId), 32),
        spanId: idOf(hexOf(each.spanId), 16),
        fromMs: millisecondsOfNanos(each.startTimeUnixNano),
        toMs: millisecondsOfNanos(each.endTimeUnixNano),
        body: undefined,
        attributes: attributesOf(each.attributes, wanted),
        resource: ofResource,
      })),
    );
  });
}

function logsOf(body: Uint8Array, wanted: ReadonlySet<string>): OtlpRecord[] {
  const request = logs.parse(decodeMessage("ExportLogsServiceRequest", body));
  return request.resourceLogs.flatMap(({ resource: of, scopeLogs }) => {
    const ofResource = attributesOf(of?.attributes, wanted);
    return scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((each): OtlpRecord => {
        const { timeUnixNano, observedTimeUnixNano, eventName } = each;
        const said = each.body && valueOf(each.body);
        return {
          kind: "log",
          name: eventName === undefined ? undefined : bounded(eventName, MAX_NAME_LENGTH),
          traceId: idOf(hexOf(each.traceId), 32),
          spanId: idOf(hexOf(each.spanId), 16),
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
    return values.slice(0, MAX_VALUE_ENTRIES).flatMap((each) => valueOf(each, depth + 1) ?? []);
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
