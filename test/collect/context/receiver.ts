import { gzipSync } from "node:zlib";
import { loadContextTable } from "../../../src/config/data.ts";
import { ContextQueue, type ContextQueueSettings } from "../../../src/collect/context/queue.ts";
import type { IntakeDeps } from "../../../src/collect/context/intake.ts";
import { createMetrics } from "../../../src/export/prometheus.ts";
import type { ContextObservation } from "../../../src/model/observation.ts";
import { createServer, type Server } from "../../../src/serve/server.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

export interface Receiver {
  url: string;
  port: number;
  queue: ContextQueue;
  /** What it took since the last time. */
  taken: () => Promise<ContextObservation[]>;
  post: (
    path: string,
    body: string | Uint8Array,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; headers: Headers; body: Buffer }>;
}

const servers: Server[] = [];

export async function closeReceivers(): Promise<void> {
  for (const server of servers.splice(0)) await server.close();
}

/** The real server, queue and table; only the ledger is one in memory. */
export async function startReceiver(
  over: Partial<ContextQueueSettings & IntakeDeps> & {
    token?: string;
    nowMs?: () => number;
  } = {},
): Promise<Receiver> {
  const { token, nowMs = Date.now, startTimeOf, onNotice, ...settings } = over;
  const queue = new ContextQueue(
    { table: loadContextTable(), host: "this-host", ...settings },
    { nowMs, startTimeOf, onNotice },
  );
  const server = createServer({
    ledger: new MemoryLedger({}),
    prices: () => undefined,
    metrics: createMetrics({ agentVersion: "1", modelVersion: "2", node: "n" }),
    health: () => ({ node: "n", agentVersion: "1", startedAtMs: 0, reasons: [] }),
    nowMs,
    context: {
      offer: (signal, encoding, body) => queue.offer(signal, encoding, body),
      get isFull() {
        return queue.isFull;
      },
      token,
    },
  });
  servers.push(server);
  const { url, port } = await server.listen("127.0.0.1", 0);
  return {
    url,
    port,
    queue,
    taken: async () => {
      const seen = await queue.collect();
      return seen.filter((each) => each.kind === "context");
    },
    post: async (path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method: "POST",
        body: typeof body === "string" ? body : new Uint8Array(body),
        headers: { "content-type": "application/json", ...headers },
      });
      const answer = Buffer.from(await response.arrayBuffer());
      return { status: response.status, headers: response.headers, body: answer };
    },
  };
}

export const gzipped = (body: string): Buffer => gzipSync(body);

export const nanos = (ms: number): string => `${Math.round(ms)}000000`;

export const attribute = (key: string, value: unknown): object => ({
  key,
  value:
    typeof value === "string"
      ? { stringValue: value }
      : typeof value === "number"
        ? { intValue: String(value) }
        : value,
});

export interface SpanFields {
  name?: string;
  fromMs?: number;
  toMs?: number;
  id?: number;
  attributes?: Record<string, unknown>;
  raw?: object;
}

const attributesOf = (of: Record<string, unknown>): object[] =>
  Object.entries(of).map(([key, value]) => attribute(key, value));

/** A request as a sender in JSON writes it. */
export function traceRequest(resource: Record<string, unknown>, spans: SpanFields[]): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [
          {
            spans: spans.map((span, i) => ({
              traceId: "0102030405060708090a0b0c0d0e0f10",
              spanId: (span.id ?? i + 1).toString(16).padStart(16, "0"),
              name: span.name ?? "a span",
              startTimeUnixNano: nanos(span.fromMs ?? Date.now() - 1000),
              endTimeUnixNano: nanos(span.toMs ?? Date.now()),
              attributes: attributesOf(span.attributes ?? {}),
              ...span.raw,
            })),
          },
        ],
      },
    ],
  };
}

export function logRequest(
  resource: Record<string, unknown>,
  records: { atMs: number; attributes?: Record<string, unknown>; raw?: object }[],
): object {
  return {
    resourceLogs: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeLogs: [
          {
            logRecords: records.map(({ atMs, attributes = {}, raw }) => ({
              timeUnixNano: nanos(atMs),
              attributes: attributesOf(attributes),
              ...raw,
            })),
          },
        ],
      },
    ],
  };
}
