import protobuf from "protobufjs/minimal.js";

/** How a request was written, and so its answer. */
export type BodyEncoding = "json" | "protobuf";

/** Codes of `google.rpc.Status`. */
export const STATUS_CODE = {
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** `google.rpc.Status`: what an OTLP client is told of a request that failed. */
export function statusBody(encoding: BodyEncoding, code: number, message: string): string | Buffer {
  if (encoding === "json") return JSON.stringify({ code, message });
  return Buffer.from(
    protobuf.Writer.create().uint32(8).int32(code).uint32(18).string(message).finish(),
  );
}

/** The answer to a request that was taken: empty, or how much of it was refused and why. */
export function exportBody(
  encoding: BodyEncoding,
  signal: "traces" | "logs",
  { refused, reason = "" }: { refused: number; reason: string | undefined },
): string | Buffer {
  if (refused === 0) return encoding === "json" ? "{}" : Buffer.alloc(0);
  if (encoding === "json") {
    const count = signal === "traces" ? "rejectedSpans" : "rejectedLogRecords";
    return JSON.stringify({ partialSuccess: { [count]: String(refused), errorMessage: reason } });
  }
  const partial = protobuf.Writer.create()
    .uint32(8)
    .int64(refused)
    .uint32(18)
    .string(reason)
    .finish();
  return Buffer.from(protobuf.Writer.create().uint32(10).bytes(partial).finish());
}
