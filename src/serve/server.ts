import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { AssayError, BAD_INPUT, type ErrorCode } from "../model/errors.ts";
import { type HealthSnapshot, healthProblems } from "../export/health.ts";
import type { Metrics } from "../export/prometheus.ts";
import type { KnownGpu, LedgerReader } from "../ledger/contract.ts";
import type { Signature } from "../model/signature.ts";
import { gpuRoutes } from "./gpus.ts";
import { reportRoute, type ReportMaker } from "./report.ts";
import { sliceRoute } from "./slices.ts";

/** The newest verdict on a device, before it is final. */
export interface LiveLabel {
  label: string;
  confidence: number;
  fromMs: number;
  toMs: number;
  evidence: readonly { text: string }[];
  signature: Signature;
}

export interface ServerParts {
  ledger: LedgerReader;
  metrics: Metrics;
  health: () => Promise<HealthSnapshot>;
  report: ReportMaker;
  gpus: () => Promise<readonly KnownGpu[]>;
  live: (gpuUuid: string) => LiveLabel | undefined;
  nowMs: () => number;
  /** Where failures of the server itself are logged. */
  onError: ErrorLog;
}

type ErrorLog = (error: unknown) => void;

export interface RunningServer {
  /** Where it listens in fact, as `127.0.0.1:9836`. */
  address: string;
  close: () => Promise<void>;
}

/** Starts the read-only HTTP API. @throws AssayError listen/* */
export async function startServer(
  parts: ServerParts,
  host: string,
  port: number,
): Promise<RunningServer> {
  const app = Fastify({ forceCloseConnections: true, bodyLimit: 1024, requestTimeout: 10_000 });
  guard(app, host);
  app.setErrorHandler(async (error, _request, reply) => sendError(error, reply, parts.onError));
  app.setNotFoundHandler(() => {
    throw new AssayError("request/not-found", "there is nothing at this path", { hint: PATHS });
  });
  healthRoutes(app, parts);
  gpuRoutes(app, parts);
  sliceRoute(app, parts);
  reportRoute(app, parts);
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
  const bound = app.server.address();
  const boundPort = typeof bound === "object" && bound ? bound.port : port;
  const name = host.includes(":") ? `[${host}]` : host;
  return { address: `${name}:${boundPort}`, close: async () => app.close() };
}

const PATHS = "/healthz, /metrics, /api/v1/gpus, /api/v1/slices, /api/v1/report";

function healthRoutes(app: FastifyInstance, parts: ServerParts): void {
  app.get("/healthz", async (_request, reply) => {
    const health = await parts.health();
    const problems = healthProblems(health);
    return reply.code(problems.length === 0 ? 200 : 503).send({
      status: problems.length === 0 ? "ok" : "degraded",
      problems,
      ...health,
    });
  });
  app.get("/metrics", async (_request, reply) => {
    parts.metrics.setHealth(await parts.health());
    return reply.type(parts.metrics.contentType).send(await parts.metrics.render());
  });
}

/**
 * A page on another site can point its own name at 127.0.0.1 and read what a browser here may reach:
 * on loopback only requests that name the loopback are answered.
 */
function guard(app: FastifyInstance, listenHost: string): void {
  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    reply
      .header("X-Content-Type-Options", "nosniff")
      .header("Cache-Control", "no-store")
      .header("Content-Security-Policy", "default-src 'none'");
    if (isLoopback(listenHost) && !isLoopback(request.hostname))
      throw new AssayError("request/host", "this address answers to localhost only", {
        hint: "ask for http://127.0.0.1, or listen on another address",
      });
  });
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return bare === "localhost" || bare === "::1" || /^127\.\d+\.\d+\.\d+$/.test(bare);
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  "request/not-found": 404,
  "request/host": 403,
};

/** What went wrong inside is for the log, not for whoever asks. */
async function sendError(
  error: unknown,
  reply: FastifyReply,
  log: ErrorLog,
): Promise<FastifyReply> {
  const known = error instanceof AssayError ? error : asRequestError(error);
  if (known.code === "request/internal") log(error);
  const { code, message, place, hint, exitCode } = known;
  const status = STATUS[code] ?? (exitCode === BAD_INPUT ? 400 : 500);
  return reply.code(status).send({ error: { code, message, place, hint } });
}

/** Fastify's own refusals (a body too long, a malformed URL) carry a status below 500. */
function asRequestError(error: unknown): AssayError {
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  return status < 500 && error instanceof Error
    ? new AssayError("request/invalid", error.message)
    : new AssayError("request/internal", "the server failed");
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const place = `${host}:${port}`;
  if (code === "EADDRINUSE")
    return new AssayError("listen/in-use", "another process listens on this address", {
      place,
      hint: "stop it, or give another address with --listen HOST:PORT (port 0 takes any free one)",
      cause: error,
    });
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN")
    return new AssayError("listen/denied", "this address cannot be listened on", {
      place,
      hint: "give an address of this machine, and a port above 1023 unless you are root",
      cause: error,
    });
  return error;
}
