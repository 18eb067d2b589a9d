import { type IncomingMessage, request } from "node:http";

export interface GetLimits {
  /** For the whole answer, from the first byte asked to the last one read. */
  timeoutMs: number;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/**
 * The JSON that a server on a Unix socket answers a GET with. Nothing else is ever asked: no other
 * method, no redirect.
 * @throws Error with what is wrong
 */
export async function getJson(
  socketPath: string,
  path: string,
  limits: GetLimits,
): Promise<unknown> {
  const text = await getText(socketPath, path, limits);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the answer is not JSON");
  }
}

async function getText(
  socketPath: string,
  path: string,
  { timeoutMs, maxBytes, signal }: GetLimits,
): Promise<string> {
  const ending = new AbortController();
  const end = (): void => ending.abort(new Error("the agent closed it"));
  const late = setTimeout(
    () => ending.abort(new Error(`no whole answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted) end();
  try {
    const response = await respond(socketPath, path, ending.signal);
    if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode ?? "?"}`);
    return await readBody(response, maxBytes);
  } catch (error) {
    if (ending.signal.aborted) throw ending.signal.reason;
    throw error;
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", end);
    // Whatever of the answer was not read: the connection is no longer wanted.
    ending.abort();
  }
}

async function respond(
  socketPath: string,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost", accept: "application/json" };
    // One connection a question: an engine that is restarted is asked anew without more ado.
    const asked = request({ socketPath, path, method: "GET", headers, agent: false, signal });
    asked.on("error", reject);
    asked.on("response", resolve);
    asked.end();
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error("the answer broke off");
  return Buffer.concat(chunks).toString("utf8");
}
