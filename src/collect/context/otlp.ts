import { AssayError } from "../../model/errors.ts";

/** What one request of OTLP is about, and how it is written. */
export type OtlpSignal = "traces" | "logs";
export type OtlpEncoding = "json" | "protobuf";

/** An attribute's value, bounded; deeper structure than that is cut. */
export type AttributeValue =
  | string
  | number
  | boolean
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** Of the attributes those that were asked for; of a key that comes twice the last. */
export type Attributes = ReadonlyMap<string, AttributeValue>;

/** A span or a log record, with no more of it than a context is made of. */
export interface OtlpRecord {
  kind: "span" | "log";
  /** Of a span its name, of a log its event's. Bounded. */
  name: string | undefined;
  traceId: string | undefined;
  spanId: string | undefined;
  /** Unix milliseconds by the sender's clock; of a log only `toMs`. Undefined where it is no time. */
  fromMs: number | undefined;
  toMs: number | undefined;
  /** The text of a log. */
  body: string | undefined;
  attributes: Attributes;
  resource: Attributes;
}

/** Longest text of an attribute that is looked at: arguments are cut further once secrets are masked. */
export const MAX_VALUE_LENGTH = 4096;
export const MAX_NAME_LENGTH = 256;
/** Lists and maps within lists and maps, and their entries. */
export const MAX_VALUE_DEPTH = 8;
export const MAX_VALUE_ENTRIES = 64;

/** 2000-01-01 and 2100-01-01: what lies outside is no time of anything that runs on a GPU. */
const MIN_TIME_MS = 946_684_800_000;
const MAX_TIME_MS = 4_102_444_800_000;
const NANOS_PER_MS = 1e6;

/** The error for a body that is not what it says it is. */
export function malformedBody(message: string, cause?: unknown): AssayError {
  return new AssayError("context/malformed", message, {
    hint: "an OTLP request of traces or logs, as JSON or protobuf: docs/run-context.md",
    cause,
  });
}

/** Unix nanoseconds, as a number or digits, to whole milliseconds; undefined for what is no such time. */
function millisecondsOfNanos(value: unknown): number | undefined {
  const isDigits = typeof value === "string" && /^\d{1,20}$/.test(value);
  if (!isDigits && typeof value !== "number") return undefined;
  const ms = Math.round(Number(value) / NANOS_PER_MS);
  return ms >= MIN_TIME_MS && ms < MAX_TIME_MS ? ms : undefined;
}

/** A span or log record as either encoding has it: ids in hex, times as numbers or digits. */
export interface RawRecord {
  name: string | undefined;
  traceId: string | undefined;
  spanId: string | undefined;
  /** Of a span. */
  startTimeUnixNano?: unknown;
  endTimeUnixNano?: unknown;
  /** Of a log. */
  timeUnixNano?: unknown;
  observedTimeUnixNano?: unknown;
  body?: AttributeValue | undefined;
  attributes: Attributes;
}

/** A record with its times and names looked at. */
export function recordOf(signal: OtlpSignal, raw: RawRecord, resource: Attributes): OtlpRecord {
  const { name, traceId, spanId, body, attributes } = raw;
  const isSpan = signal === "traces";
  return {
    kind: isSpan ? "span" : "log",
    name: name === undefined ? undefined : bounded(name, MAX_NAME_LENGTH),
    traceId: idOf(traceId, 32),
    spanId: idOf(spanId, 16),
    fromMs: isSpan ? millisecondsOfNanos(raw.startTimeUnixNano) : undefined,
    toMs: isSpan
      ? millisecondsOfNanos(raw.endTimeUnixNano)
      : (millisecondsOfNanos(raw.timeUnixNano) ?? millisecondsOfNanos(raw.observedTimeUnixNano)),
    body: typeof body === "string" ? bounded(body, MAX_NAME_LENGTH) : undefined,
    attributes,
    resource,
  };
}

/** An id in hex; undefined where it is none, or all zeros, which stands for none. */
function idOf(hex: string | undefined, digits: 16 | 32): string | undefined {
  if (hex?.length !== digits || !/^[0-9a-f]+$/i.test(hex) || /^0+$/.test(hex)) return undefined;
  return hex.toLowerCase();
}

export function bounded(text: string, maxLength: number): string {
  return text.length > maxLength ? text.slice(0, maxLength) : text;
}
