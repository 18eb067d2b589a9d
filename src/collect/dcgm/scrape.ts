import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";

const TIMEOUT_MS = 2000;
const MAX_BYTES = 4 * 1024 * 1024;
const HINT = "Set collect.dcgm.url to the metrics of a running dcgm-exporter of this node.";

/**
 * The text of one scrape: at most 4 MiB, within 2 s, from this very address.
 * @throws AssayError `dcgm/scrape`
 */
export async function scrape(url: string, closed: AbortSignal): Promise<string> {
  // Not AbortSignal.any: it keeps something of every scrape for as long as `closed` lives.
  const ending = new AbortController();
  const late = setTimeout(
    () => ending.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)),
    TIMEOUT_MS,
  );
  const close = (): void => ending.abort(new Error("the agent closed it"));
  closed.addEventListener("abort", close, { once: true });
  const { address, headers } = requestOf(url);
  try {
    const { signal } = ending;
    const response = await fetch(address, { redirect: "manual", signal, headers });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`HTTP status ${response.status}`);
    }
    return await readBounded(response);
  } catch (error) {
    throw new AssayError("dcgm/scrape", `dcgm-exporter: ${reasonOf(error)}`, {
      place: address,
      hint: HINT,
      cause: error,
    });
  } finally {
    clearTimeout(late);
    closed.removeEventListener("abort", close);
  }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error("the answer is longer than 4 MiB");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** What is wrong, past the "fetch failed" that wraps it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return sanitize(String(error));
  const { cause } = error;
  const inner = cause instanceof Error ? cause.message || cause.name : undefined;
  return sanitize(inner ?? error.message);
}

/** Name and password go into a header: in an address they would end up in logs. */
function requestOf(url: string): { address: string; headers: Record<string, string> } {
  const { origin, pathname, search, username, password } = new URL(url);
  const address = `${origin}${pathname}${search}`;
  const headers = { accept: "text/plain" };
  if (username === "" && password === "") return { address, headers };
  const pair = [username, password].map((part) => decodeURIComponent(part)).join(":");
  const authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
  return { address, headers: { ...headers, authorization } };
}
