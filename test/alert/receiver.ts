import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { Webhook } from "standardwebhooks";
import { createEndpoint, type Endpoint } from "../../src/alert/endpoint.ts";

/** Fixed keys of tests, in no other use. */
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
export const OLD_SECRET = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;

export interface Received {
  id: string;
  timestamp: number;
  type: string;
  headers: IncomingHttpHeaders;
  body: string;
  atMs: number;
}

export interface Receiver extends AsyncDisposable {
  url: string;
  received: Received[];
  endpoint: Endpoint;
}

/** How a receiver answers its nth request (from 0); it may also hang, reset or never end. */
export type Answer = (response: ServerResponse, n: number, received: Received) => void;

export const ok: Answer = (response) => void response.writeHead(204).end();

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(code, headers).end("{}");
}

/**
 * A real HTTP server that checks every request with the `standardwebhooks` package; a request that
 * it does not accept is answered 599 and recorded nowhere.
 */
export async function receiver(
  answer: Answer,
  { name = "on-call", secret = SECRET, secrets = SECRET } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const headers = request.headers;
      try {
        const flat = Object.entries(headers).map(([key, value]) => [key, String(value)]);
        new Webhook(secret).verify(body, Object.fromEntries(flat));
      } catch {
        response.writeHead(599).end();
        return;
      }
      const one = {
        id: String(headers["webhook-id"]),
        timestamp: Number(headers["webhook-timestamp"]),
        type: String(JSON.parse(body).type),
        headers,
        body,
        atMs: performance.now(),
      };
      received.push(one);
      answer(response, received.length - 1, one);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const url = `http://127.0.0.1:${port}/hook`;
  const endpoint = createEndpoint(
    { name, url, secretEnv: "SECRET" },
    { env: { SECRET: secrets }, readFile: () => "" },
  );
  return {
    url,
    received,
    endpoint,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** For answers that do not look at the request. */
export const never: Received = { id: "", timestamp: 0, type: "", headers: {}, body: "", atMs: 0 };
