import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Collector } from "../collect/contract.ts";
import { ContextFollower } from "../collect/context/follower.ts";
import { ContextQueue } from "../collect/context/queue.ts";
import { createStartTimes } from "../collect/context/start-times.ts";
import type { Notice } from "../collect/thread/protocol.ts";
import { loadContextTable } from "../config/data.ts";
import type { Config } from "../config/schema.ts";
import { AssayError } from "../model/errors.ts";
import type { ContextIntakeSettings } from "../serve/otlp.ts";

/** Takes run context that is sent to the daemon. */
export type ContextReceiver = Pick<ContextQueue, "offer" | "isFull">;

interface ContextDeps {
  nowMs: () => number;
  onNotice?: ((source: string, notice: Notice) => void) | undefined;
}

/** What reads run context, as far as it is configured; by default nothing does. */
export function contextCollectorsOf({ context, collect }: Config, deps: ContextDeps): Collector[] {
  const { otlp, file } = context;
  if (!otlp.enabled && file === undefined) return [];
  const settings = { table: loadContextTable(), host: hostname() };
  const startTimeOf = createStartTimes(collect.procRoot);
  const noticing = (source: string) => (notice: Notice) => deps.onNotice?.(source, notice);
  const { nowMs } = deps;
  const all = [
    otlp.enabled &&
      new ContextQueue(settings, { nowMs, startTimeOf, onNotice: noticing("context") }),
    file !== undefined &&
      new ContextFollower(
        { ...settings, path: file },
        { startTimeOf, onNotice: noticing("context-file") },
      ),
  ];
  return all.filter((each) => each !== false);
}

/** The one of the collectors that is sent to, where there is one. */
export function receiverOf(collectors: readonly Collector[]): ContextReceiver | undefined {
  return collectors.find((each) => each instanceof ContextQueue);
}

/** What the server needs for it. @throws AssayError `config/invalid` for a token that is not there */
export function contextIntakeOf(
  receiver: ContextReceiver | undefined,
  { context }: Config,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ContextIntakeSettings | undefined {
  if (!receiver) return undefined;
  const token = tokenOf(context.otlp, env);
  return {
    offer: (signal, encoding, body) => receiver.offer(signal, encoding, body),
    get isFull() {
      return receiver.isFull;
    },
    token,
  };
}

function tokenOf(
  { tokenFile, tokenEnv }: Config["context"]["otlp"],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (tokenFile === undefined && tokenEnv === undefined) return undefined;
  const token = (tokenFile === undefined ? env[tokenEnv ?? ""] : fileText(tokenFile))?.trim();
  // An empty token would let everybody in whom it was to keep out.
  if (token !== undefined && token !== "") return token;
  throw new AssayError("config/invalid", "the token for run context is not there, or empty", {
    place: `context.otlp ${tokenFile ?? tokenEnv ?? ""}`,
    hint: "the daemon's user must be able to read it; switch context.otlp.enabled off otherwise",
  });
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
