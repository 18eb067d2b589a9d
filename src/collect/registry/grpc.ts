import type * as Grpc from "@grpc/grpc-js";
import type { Root } from "protobufjs";
import type { z } from "zod";
import { sanitize } from "../../model/text.ts";
import { MESSAGES } from "./messages.ts";

/** An answer of more is refused: as much as Kubernetes and containerd send at most. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** A method without streams, with the names of its messages in {@link MESSAGES}. */
export interface UnaryMethod<T> {
  path: string;
  request: string;
  response: string;
  schema: z.ZodType<T>;
}

export interface CallOptions {
  timeoutMs: number;
  headers?: Readonly<Record<string, string>> | undefined;
}

/** Both are loaded with the first socket that answers: most nodes need neither. */
interface Libraries {
  grpc: typeof Grpc;
  root: Root;
}

let loaded: Promise<Libraries> | undefined;

async function load(): Promise<Libraries> {
  const [grpc, protobuf] = await Promise.all([import("@grpc/grpc-js"), import("protobufjs")]);
  return { grpc, root: protobuf.default.parse(MESSAGES).root };
}

/** A connection to a gRPC server on a Unix socket. */
export class GrpcSocket {
  readonly #client: Grpc.Client;
  readonly #libraries: Libraries;
  readonly #calls = new Set<Grpc.ClientUnaryCall>();

  private constructor(client: Grpc.Client, libraries: Libraries) {
    this.#client = client;
    this.#libraries = libraries;
  }

  /** Connects with the first call. */
  static async to(path: string): Promise<GrpcSocket> {
    const libraries = await (loaded ??= load());
    const { grpc } = libraries;
    const client = new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      // A proxy of the environment has no business between us and a socket of this node.
      "grpc.enable_http_proxy": 0,
      // A connection that failed is not to keep the next one waiting.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.service_config_disable_resolution": 1,
    });
    return new GrpcSocket(client, libraries);
  }

  /** @throws Error with what is wrong: no answer in time, garbage, or the server's own words */
  async call<T>(method: UnaryMethod<T>, { timeoutMs, headers = {} }: CallOptions): Promise<T> {
    const { grpc, root } = this.#libraries;
    const request = root.lookupType(method.request);
    const response = root.lookupType(method.response);
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const answer = await new Promise<unknown>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        (value: object) => Buffer.from(request.encode(value).finish()),
        (bytes: Buffer): unknown => response.decode(bytes),
        {},
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error, value) => {
          this.#calls.delete(call);
          if (error) reject(this.#explain(error, timeoutMs));
          else resolve(value);
        },
      );
      this.#calls.add(call);
    });
    const checked = method.schema.safeParse(answer);
    if (checked.success) return checked.data;
    throw new Error(`the answer is not of the form it should have`);
  }

  close(): void {
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }

  #explain(error: Grpc.ServiceError, timeoutMs: number): Error {
    const { status } = this.#libraries.grpc;
    if (error.code === status.DEADLINE_EXCEEDED)
      return new Error(`no answer within ${timeoutMs} ms`, { cause: error });
    const word = status[error.code] ?? String(error.code);
    return new Error(`${word}: ${sanitize(error.details)}`, { cause: error });
  }
}
