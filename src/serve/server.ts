import fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import { AssayError } from "../model/errors.ts";
import { failureOf } from "./failures.ts";
import { isLoopback, namesLoopback } from "./host.ts";
import { addRoutes } from "./routes.ts";
import type { ServerSettings } from "./settings.ts";

export interface Server {
  /**
   * Listens and says where: port 0 takes a free one.
   * @throws AssayError listen/in-use or listen/denied
   */
  listen(host: string, port: number): Promise<{ host: string; port: number; url: string }>;
  /** Stops at once to accept, lets running answers end for a moment, then cuts. Safe twice. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT_MS = 10_000;
/** How long an answer under way may take once the server closes. */
const CLOSE_GRACE_MS = 1000;

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

/** The HTTP API: read-only, but for run context where it is taken. Answers no other origin: it sends no CORS header. */
export function createServer(settings: ServerSettings): Server {
  const app = fastify({
    ...(settings.log ? { loggerInstance: settings.log } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const { status, body } = failureOf(error);
      void reply.headers(SECURITY_HEADERS).code(status).send(body);
    },
    forceCloseConnections: "idle",
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: 1024,
    exposeHeadRoutes: true,
  });
  const listening = { onLoopback: true };
  app.server.maxConnections = MAX_CONNECTIONS;
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (listening.onLoopback && !namesLoopback(request.headers.host))
      throw new AssayError("request/host", "This address answers to its loopback name only.", {
        hint: "ask for localhost or 127.0.0.1",
      });
  });
  addErrors(app);
  addRoutes(app, settings);
  return {
    listen: async (host, port) => {
      listening.onLoopback = isLoopback(host);
      return open(app, host, port);
    },
    close: () => close(app),
  };
}

function addErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = failureOf(error);
    if (status >= 500)
      request.log.error({ err: error, route: request.routeOptions.url }, "request failed");
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((_request, reply) => {
    const error = new AssayError("request/not-found", "There is nothing at this address.", {
      hint: "/healthz, /metrics, /api/v1/gpus, /api/v1/slices, /api/v1/incidents, /api/v1/report, /allocation/compute",
    });
    return reply.code(404).send(failureOf(error).body);
  });
}

async function open(app: FastifyInstance, host: string, port: number) {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw listenError(cause, `${host}:${port}`);
  }
  const address = app.server.address();
  const bound = address !== null && typeof address === "object" ? address.port : port;
  const name = host.includes(":") ? `[${host}]` : host;
  return { host, port: bound, url: `http://${name}:${bound}` };
}

function listenError(cause: unknown, place: string): unknown {
  const code: unknown = Reflect.get(Object(cause), "code");
  if (code === "EADDRINUSE")
    return new AssayError("listen/in-use", `Another process listens on ${place}.`, {
      place,
      hint: "choose another port, or stop the other process",
      cause,
    });
  if (code === "ERR_SOCKET_BAD_PORT")
    return denied(cause, place, "the port is no number from 0 to 65535");
  if (code === "EACCES")
    return denied(cause, place, "ports below 1024 need a privilege: take one above");
  const isAddress =
    code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EINVAL";
  return isAddress ? denied(cause, place, "this machine does not have the address") : cause;
}

function denied(cause: unknown, place: string, hint: string): AssayError {
  return new AssayError("listen/denied", `Cannot listen on ${place}.`, { place, hint, cause });
}

async function close(app: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS);
  await app.close();
  clearTimeout(cut);
}
