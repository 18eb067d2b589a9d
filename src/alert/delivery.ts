import type { Outbox } from "../ledger/contract.ts";
import type { Endpoint } from "./endpoint.ts";
import { type DeliveryLog, type EndpointStatus, Lane } from "./lane.ts";
import type { Timer } from "./send.ts";

export type { DeliveryLog, EndpointStatus } from "./lane.ts";

export interface DelivererSettings {
  outbox: Outbox;
  endpoints: readonly Endpoint[];
  clock: () => number;
  /** In [0, 1): spreads retries. */
  random: () => number;
  log: DeliveryLog;
  fetch?: typeof globalThis.fetch | undefined;
  timer?: Timer | undefined;
  /** For a whole attempt, connecting included. 15 s by default. */
  timeoutMs?: number | undefined;
  /** Requests to one endpoint at a time. 4 by default. */
  concurrency?: number | undefined;
  userAgent?: string | undefined;
  /** How long `stop` waits for requests in flight. 2 s by default. */
  graceMs?: number | undefined;
}

export interface Deliverer {
  /** Begins to deliver, with what an earlier run left over. Twice is as good as once. */
  start(): void;
  /** Something was committed to the outbox: look now. */
  poke(): void;
  /** Safe without `start`, and twice. What is not settled is sent again by the next run. */
  stop(): Promise<void>;
  /** Attempts all that is due at `nowMs` once, without `start`: for one-shot commands and tests. */
  deliverDue(nowMs: number): Promise<void>;
  status(): EndpointStatus[];
}

/** Messages looked at in search of those that no endpoint will ever fetch. */
const STRAY_PAGE = 1000;

const systemTimer: Timer = (delayMs, callBack) => {
  const handle = setTimeout(callBack, delayMs);
  return () => clearTimeout(handle);
};

/**
 * Delivers the outbox's messages at least once: an attempt is settled after its answer, so a crash
 * between the two sends the message again, under the same id.
 */
export function createDeliverer(settings: DelivererSettings): Deliverer {
  const { outbox, endpoints, clock, random, log } = settings;
  const lanes = endpoints.map(
    (endpoint) =>
      new Lane(endpoint, {
        outbox,
        clock,
        random,
        log,
        fetch: settings.fetch ?? globalThis.fetch,
        timer: settings.timer ?? systemTimer,
        timeoutMs: settings.timeoutMs ?? 15_000,
        concurrency: settings.concurrency ?? 4,
        userAgent: settings.userAgent ?? "gpu-assay",
      }),
  );
  const names = new Set(endpoints.map((endpoint) => endpoint.name));
  let strays: Promise<void> | undefined;
  const buryStrays = (): Promise<void> =>
    (strays ??= settleStrays(outbox, names, clock(), log).catch((error: unknown) => {
      log.error({ reason: String(error) }, "the outbox cannot be used");
    }));
  return {
    start: () => {
      void buryStrays();
      for (const lane of lanes) lane.start();
    },
    poke: () => {
      for (const lane of lanes) lane.poke();
    },
    stop: async () => {
      await strays;
      await Promise.all(lanes.map((lane) => lane.stop(settings.graceMs ?? 2000)));
    },
    deliverDue: async (nowMs) => {
      await buryStrays();
      await Promise.all(lanes.map((lane) => lane.drain(nowMs)));
    },
    status: () => lanes.map((lane) => lane.status()),
  };
}

/** Messages to an endpoint that is no longer configured can never arrive: they are marked dead. */
async function settleStrays(
  outbox: Outbox,
  names: ReadonlySet<string>,
  nowMs: number,
  log: DeliveryLog,
): Promise<void> {
  for (;;) {
    const page = await outbox.due(Number.MAX_SAFE_INTEGER, STRAY_PAGE);
    const strays = page.filter((entry) => !names.has(entry.endpoint));
    if (strays.length === 0) return;
    const error = "the endpoint is no longer configured";
    for (const { id, endpoint } of strays) {
      await outbox.settle(id, endpoint, { state: "dead", atMs: nowMs, error });
      log.error({ endpoint, message: id, error }, "alert given up");
    }
  }
}
