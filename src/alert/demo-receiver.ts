import { createServer, type IncomingMessage, type Server } from "node:http";
import { z } from "zod";
import { sanitize } from "../model/text.ts";
import type { Endpoint } from "./endpoint.ts";
import { MAX_BODY_BYTES } from "./payload.ts";
import { parseSecrets } from "./signing.ts";
import { dropOldest } from "../model/recent.ts";

/** An alert that arrived, its signature checked. */
export interface ReceivedAlert {
  id: string;
  type: string;
  title: string;
  severity: string;
  simulated: boolean;
}

export interface DemoReceiverSettings {
  randomBytes: (count: number) => Uint8Array;
  clock: () => number;
  onAlert: (alert: ReceivedAlert) => void;
}

export interface DemoReceiver {
  /** Ready for `createDeliverer`: its keys exist in this process only. */
  endpoint: Endpoint;
  close(): Promise<void>;
}

const SECRET_BYTES = 32;
/** Ids remembered to tell a repeated message from a new one. */
const MAX_REMEMBERED = 1000;

const payload = z.object({
  type: z.string().max(100),
  data: z.object({ title: z.string(), severity: z.string(), simulated: z.boolean() }),
});

/**
 * A receiver on the loopback interface, so that the demonstration shows an alert that really went
 * over HTTP and was really verified. Each message id is called back once, however often it arrives.
 */
export async function startDemoReceiver(settings: DemoReceiverSettings): Promise<DemoReceiver> {
  const secret = Buffer.from(settings.randomBytes(SECRET_BYTES)).toString("base64");
  const keys = parseSecrets(`whsec_${secret}`, "demonstration");
  const seen = new Set<string>();
  const server = createServer((request, response) => {
    void receive(request, { keys, seen, settings })
      .catch(() => 400)
      .then((status) => response.writeHead(status, { connection: "close" }).end());
  });
  const port = await listen(server);
  const url = `http://127.0.0.1:${port}/alerts`;
  return { endpoint: { name: "demo", url, keys }, close: () => close(server) };
}

interface Inbox {
  keys: Endpoint["keys"];
  seen: Set<string>;
  settings: DemoReceiverSettings;
}

async function receive(request: IncomingMessage, inbox: Inbox): Promise<number> {
  if (request.method !== "POST") return 405;
  const body = await readBody(request);
  if (body === undefined) return 413;
  const id = header(request, "webhook-id");
  const timestampSeconds = Number(header(request, "webhook-timestamp"));
  const signature = header(request, "webhook-signature");
  const nowMs = inbox.settings.clock();
  if (!inbox.keys.verify({ id, timestampSeconds, body, signature }, nowMs)) return 401;
  const { type, data } = payload.parse(JSON.parse(body));
  if (inbox.seen.has(id)) return 204;
  remember(inbox.seen, id);
  const title = sanitize(data.title);
  const severity = sanitize(data.severity, 20);
  inbox.settings.onAlert({
    id: sanitize(id),
    type: sanitize(type),
    title,
    severity,
    simulated: data.simulated,
  });
  return 204;
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) return undefined;
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
}

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  dropOldest(seen, MAX_REMEMBERED);
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address !== null && typeof address === "object") resolve(address.port);
      else reject(new Error("the demonstration's receiver has no address"));
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
