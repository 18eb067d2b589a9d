import protobuf from "protobufjs/light.js";

/**
 * The part of OTLP's messages that a context is made of, by their public field numbers; a decoder
 * skips the rest. What lies within stays bytes and is read layer by layer, and of attributes only what is
 * wanted: no body can make the decoder descend far, or read a large one in one go.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    KeyValue: { fields: { key: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
    AnyValue: {
      oneofs: {
        value: {
          oneof: [
            "stringValue",
            "boolValue",
            "intValue",
            "doubleValue",
            "arrayValue",
            "kvlistValue",
          ],
        },
      },
      fields: {
        stringValue: { type: "string", id: 1 },
        boolValue: { type: "bool", id: 2 },
        intValue: { type: "int64", id: 3 },
        doubleValue: { type: "double", id: 4 },
        arrayValue: { type: "bytes", id: 5 },
        kvlistValue: { type: "bytes", id: 6 },
      },
    },
    ArrayValue: { fields: { values: { rule: "repeated", type: "bytes", id: 1 } } },
    KeyValueList: { fields: { values: { rule: "repeated", type: "KeyValue", id: 1 } } },
    Resource: { fields: { attributes: { rule: "repeated", type: "KeyValue", id: 1 } } },
    Span: {
      fields: {
        traceId: { type: "bytes", id: 1 },
        spanId: { type: "bytes", id: 2 },
        name: { type: "string", id: 5 },
        startTimeUnixNano: { type: "fixed64", id: 7 },
        endTimeUnixNano: { type: "fixed64", id: 8 },
        attributes: { rule: "repeated", type: "KeyValue", id: 9 },
      },
    },
    LogRecord: {
      fields: {
        timeUnixNano: { type: "fixed64", id: 1 },
        body: { type: "bytes", id: 5 },
        attributes: { rule: "repeated", type: "KeyValue", id: 6 },
        traceId: { type: "bytes", id: 9 },
        spanId: { type: "bytes", id: 10 },
        observedTimeUnixNano: { type: "fixed64", id: 11 },
        eventName: { type: "string", id: 12 },
      },
    },
    // ExportTraceServiceRequest, ResourceSpans and ScopeSpans have the numbers of their likes for logs.
    Request: { fields: { groups: { rule: "repeated", type: "bytes", id: 1 } } },
    Group: {
      fields: {
        resource: { type: "Resource", id: 1 },
        scopes: { rule: "repeated", type: "bytes", id: 2 },
      },
    },
    Scope: { fields: { records: { rule: "repeated", type: "bytes", id: 2 } } },
  },
});

export type MessageName =
  | "AnyValue"
  | "ArrayValue"
  | "KeyValueList"
  | "Request"
  | "Group"
  | "Scope"
  | "Span"
  | "LogRecord";

/** A message as a plain object: 64-bit integers as text. @throws Error for what is no such message */
export function decodeMessage(name: MessageName, bytes: Uint8Array): unknown {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String });
}
