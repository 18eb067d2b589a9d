import { createHash, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AssayError } from "../model/errors.ts";
import { type BodyEncoding, exportBody, STATUS_CODE, statusBody } from "./otlp-answer.ts";

/** Where run context goes that is sent to the server. */
export interface ContextIntakeSettings {
  /** @throws AssayError `context/malformed` */
  offer(
    signal: "traces" | "logs",
    encoding: BodyEncoding,
    body: Uint8Array,
  ): Promise<
    | { state: "taken"; refused: number; reason: string | undefined }
    | { state: "full"; retryAfterSeconds: number }
  >;
  /** No request would be taken now. */
  readonly isFull: boolean;
  /** What senders must show; undefined where anybody who reaches the server may send. */
  token: string | undefined;
}

/** Of a body, as it comes and unpacked. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Bodies that are held at one time: a few slow senders must not fill the memory. */
const MAX_AT_ONCE = 16;
const RETRY_AFTER_SECONDS = 2;

const ENCODINGS: ReadonlyMap<string, BodyEncoding> = new Map([
  ["application/json", "json"],
  ["application/x-protobuf", "protobuf"],
]);

const unpack = promisify(gunzip);

/** A refusal with what HTTP and OTLP call it. */
class Refusal extends Error {
  readonly status: number;
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: number, message: string, headers = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Adds the receiver of OTLP over HTTP: the only routes that take anything. */
export function addOtlpRoutes(app: FastifyInstance, intake: ContextIntakeSettings): void {
  void app.register((scope, _options, done) => {
    const guard = new Guard(intake);
    scope.removeAllContentTypeParsers();
    for (const type of ENCODINGS.keys())
      scope.addContentTypeParser(
        type,
        { parseAs: "buffer", bodyLimit: MAX_BODY_BYTES },
        (_request, body, parsed) => parsed(null, body),
      );
    scope.addHook("onRequest", async (request, reply) => guard.admit(request, reply));
    scope.setErrorHandler((error, request, reply) => refuse(error, request, reply));
    for (const signal of ["traces", "logs"] as const)
      scope.post(`/v1/${signal}`, async (request, reply) => {
        const encoding = encodingOf(request);
        const offer = await intake.offer(signal, encoding, await bodyOf(request));
        if (offer.state === "full") throw busy(offer.retryAfterSeconds);
        return reply.type(typeOf(encoding)).send(exportBody(encoding, signal, offer));
      });
    done();
  });
}

/** Looks at a request before its body is read. */
class Guard {
  readonly #intake: ContextIntakeSettings;
  readonly #digest: Buffer | undefined;
  #atOnce = 0;

  constructor(intake: ContextIntakeSettings) {
    this.#intake = intake;
    this.#digest = intake.token === undefined ? undefined : digestOf(intake.token);
  }

  /** @throws Refusal */
  admit(request: FastifyRequest, reply: FastifyReply): void {
    const { authorization = "", origin } = request.headers;
    // A page in somebody's browser is no agent, and the browser would add what it knows.
    if (origin !== undefined)
      throw new Refusal(403, STATUS_CODE.permissionDenied, "not for requests of a web page");
    const token = /^bearer +(\S.*)$/i.exec(authorization)?.[1] ?? "";
    // Digests have one length: the comparison takes as long for every token.
    if (this.#digest && !timingSafeEqual(digestOf(token), this.#digest))
      throw new Refusal(401, STATUS_CODE.unauthenticated, "the bearer token is missing or wrong", {
        "www-authenticate": "Bearer",
      });
    if (this.#intake.isFull || this.#atOnce >= MAX_AT_ONCE) throw busy(RETRY_AFTER_SECONDS);
    this.#atOnce += 1;
    reply.raw.once("close", () => {
      this.#atOnce -= 1;
    });
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function busy(retryAfterSeconds: number): Refusal {
  return new Refusal(503, STATUS_CODE.unavailable, "too much waits to be taken: send it again", {
    "retry-after": String(retryAfterSeconds),
  });
}

/** @throws Refusal 413, 415, 400 */
async function bodyOf(request: FastifyRequest): Promise<Uint8Array> {
  const { body } = request;
  const packed = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const coding = request.headers["content-encoding"] ?? "identity";
  if (coding === "identity") return packed;
  if (coding !== "gzip")
    throw new Refusal(
      415,
      STATUS_CODE.invalidArgument,
      "the content encoding is none of gzip, identity",
    );
  try {
    return await unpack(packed, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    if (Reflect.get(Object(error), "code") === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
    throw new Refusal(400, STATUS_CODE.invalidArgument, "the body is no whole gzip stream");
  }
}

function tooLarge(): Refusal {
  return new Refusal(
    413,
    STATUS_CODE.invalidArgument,
    `a body has ${MAX_BODY_BYTES} bytes at most, also unpacked`,
  );
}

function encodingOf(request: FastifyRequest): BodyEncoding {
  const type = (request.headers["content-type"] ?? "").split(";")[0] ?? "";
  return ENCODINGS.get(type.trim().toLowerCase()) ?? "json";
}

function typeOf(encoding: BodyEncoding): string {
  return encoding === "json" ? "application/json" : "application/x-protobuf";
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const encoding = encodingOf(request);
  const { status, code, message, headers } = refusalOf(error);
  if (status >= 500 && status !== 503)
    request.log.error({ err: error, route: request.routeOptions.url }, "request failed");
  return reply
    .code(status)
    .headers(headers)
    .type(typeOf(encoding))
    .send(statusBody(encoding, code, message));
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof AssayError && error.code === "context/malformed")
    return new Refusal(400, STATUS_CODE.invalidArgument, error.message);
  if (error instanceof AssayError && error.code === "request/host")
    return new Refusal(403, STATUS_CODE.permissionDenied, error.message);
  const status: unknown = Reflect.get(Object(error), "statusCode");
  if (status === 413) return tooLarge();
  if (status === 415)
    return new Refusal(
      415,
      STATUS_CODE.invalidArgument,
      `the content type is none of ${[...ENCODINGS.keys()].join(", ")}`,
    );
  if (typeof status === "number" && status >= 400 && status < 500)
    return new Refusal(status, STATUS_CODE.invalidArgument, "the request is malformed");
  return new Refusal(500, STATUS_CODE.internal, "the request failed");
}
