import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname } from "node:path";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Engine {
  answer: Answer;
  /** What was asked: `GET /containers/json`. */
  asked: string[];
  stop: () => void;
}

/** A real HTTP server on a Unix socket, as Docker's and podman's are. */
export async function serveEngine(socket: string, answer: Answer): Promise<Engine> {
  mkdirSync(dirname(socket), { recursive: true });
  const server = createServer((request, response) => {
    engine.asked.push(`${request.method} ${request.url}`);
    engine.answer(request, response);
  });
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const engine: Engine = { answer, asked: [], stop };
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return engine;
}

export const id = (digit: string): string => digit.repeat(64);

/** A container as Docker lists it, with fields that nobody here reads. */
export const container = (digit: string, fields: object = {}): object => ({
  Id: id(digit),
  Names: [`/box-${digit}`],
  Image: "pytorch:2.4",
  ImageID: "sha256:00",
  Command: "python train.py --password=hunter2",
  State: "running",
  Labels: {},
  Mounts: [{ Source: "/home/alice" }],
  ...fields,
});

export const listing =
  (...containers: object[]): Answer =>
  (_, response) =>
    response.end(JSON.stringify(containers));
