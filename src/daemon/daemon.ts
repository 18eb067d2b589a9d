import { createDeliverer, type DeliveryLog } from "../alert/delivery.ts";
import type { Endpoint } from "../alert/endpoint.ts";
import { type AgentWatcher, runAgent } from "../agent.ts";
import type { PriceList } from "../bill/price-list.ts";
import { agentVersion, loadShippedData } from "../config/data.ts";
import { type Config, durationMs } from "../config/schema.ts";
import { Metrics } from "../export/prometheus.ts";
import { BufferedWriter } from "../ledger/buffered-writer.ts";
import { openLedger } from "../ledger/client.ts";
import type { Ledger } from "../ledger/contract.ts";
import { parseSize } from "../model/duration.ts";
import type { PipelineSettings } from "../pipeline/pipeline.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { type RunningServer, startServer } from "../serve/server.ts";
import { deviceScale } from "../signature/scale.ts";
import { Alerting } from "./alerting.ts";
import { BudgetMeter } from "./budgets.ts";
import { DaemonState } from "./state.ts";
import { makeReport } from "./report-maker.ts";
import type { OpenedSource } from "./source.ts";

export interface DaemonSettings {
  config: Config;
  stateDir: string;
  source: OpenedSource;
  endpoints: readonly Endpoint[];
  prices: PriceList | undefined;
  /** Where to serve; undefined to serve nothing. */
  listen: { host: string; port: number } | undefined;
}

export interface DaemonDeps {
  watch: AgentWatcher;
  log: DeliveryLog;
  nowMs: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  random: () => number;
  hash: (text: string) => string;
  signal: AbortSignal;
  /** The daemon is up: `address` is where it serves. */
  onReady: (address: string | undefined) => void;
  /** The ledger has slices of an earlier run, up to `endMs`. */
  onResume?: (endMs: number) => void;
  /** Before the ledger closes, for a last report. */
  onEnd: (ledger: Ledger) => Promise<void>;
}

/** Runs until the source ends. @throws AssayError for whatever prevents the start */
export async function runDaemon(settings: DaemonSettings, deps: DaemonDeps): Promise<void> {
  const { config, stateDir, source } = settings;
  const maxBytes =
    config.ledger.maxSize === undefined ? undefined : parseSize(config.ledger.maxSize);
  const ledger = await openLedger({ stateDir, mode: "write", maxBytes });
  try {
    await runWithLedger(ledger, settings, deps, source);
  } finally {
    await ledger.close();
  }
}

async function runWithLedger(
  ledger: Ledger,
  settings: DaemonSettings,
  deps: DaemonDeps,
  source: OpenedSource,
): Promise<void> {
  const { log, nowMs, random } = deps;
  const lastSliceEnds = await ledger.lastSliceEnds();
  const writer = newWriter(ledger, settings, deps);
  const { endpoints } = settings;
  const timeoutMs = durationMs(settings.config.alert.timeout);
  const deliverer = createDeliverer({
    outbox: ledger,
    endpoints,
    clock: nowMs,
    random,
    log,
    timeoutMs,
  });
  const budgets = newBudgets(settings, log);
  const alerting = newAlerting(settings, deps, budgets);
  await alerting.restore(ledger);
  const pipeline = new Pipeline(await pipelineSettings(ledger, settings, lastSliceEnds));
  const metrics = new Metrics();
  metrics.setIncidents(alerting.open());
  const state = new DaemonState({
    source,
    writer,
    pipeline,
    alerting,
    metrics,
    budgets,
    startedAtMs: nowMs(),
  });
  const server = await serve(ledger, settings, deps, state);
  deliverer.start();
  deps.onReady(server?.address);
  if (lastSliceEnds.size > 0) deps.onResume?.(Math.max(...lastSliceEnds.values()));
  try {
    await runAgent(source.observations, {
      pipeline,
      lastSliceEnds,
      write: (batch) => {
        writer.enqueue(batch);
        if (batch.outbox?.length) void writer.drained().then(() => deliverer.poke());
      },
      // A live node never waits for its disk; a replay goes no faster than it.
      written: async () =>
        source.isLive ? undefined : unlessAborted(writer.drained(), deps.signal),
      alert: (slices, atMs) => alerting.observe(slices, atMs),
      watch: state.watching(deps.watch),
    });
    if (!(await writer.flush())) log.error(writer.status(), "not everything could be written");
    await deliverer.deliverDue(nowMs());
    await deps.onEnd(ledger);
  } finally {
    await server?.close();
    await deliverer.stop();
  }
}

/** Waits for `work`, but no longer than until the signal; leaves no listener behind. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    const options = { once: true, signal: done.signal };
    signal.addEventListener("abort", () => resolve(), options);
    if (signal.aborted) resolve();
  });
  await Promise.race([work, aborted]);
  done.abort();
}

function newWriter(ledger: Ledger, { config }: DaemonSettings, deps: DaemonDeps): BufferedWriter {
  return new BufferedWriter({
    ledger,
    maxQueuedBatches: config.ledger.maxQueuedBatches,
    sleep: deps.sleep,
    onChange: (status) =>
      status.state === "ok"
        ? deps.log.info({}, "the ledger is written again")
        : deps.log.error(status, "the ledger cannot be written: measuring goes on in memory"),
  });
}

function newBudgets({ config, prices }: DaemonSettings, log: DeliveryLog): BudgetMeter | undefined {
  if (config.alert.budgets.length === 0) return undefined;
  if (prices) return new BudgetMeter(config.alert.budgets, prices);
  log.warn({}, "budgets need a price list (prices.file): none is watched");
  return undefined;
}

function newAlerting(
  { config, endpoints }: DaemonSettings,
  { hash, nowMs }: DaemonDeps,
  budgets: BudgetMeter | undefined,
): Alerting {
  const { dwell, clear, minConfidence } = config.alert.mining;
  const mining = { dwellMs: durationMs(dwell), clearMs: durationMs(clear), minConfidence };
  return new Alerting({ mining, budgets, endpoints, hash, nowMs });
}

async function pipelineSettings(
  ledger: Ledger,
  { config }: DaemonSettings,
  lastSliceEnds: ReadonlyMap<string, number>,
): Promise<PipelineSettings> {
  const { model, indicators, limits } = loadShippedData();
  const calibrations = await ledger.calibrations();
  const ownPids: ReadonlySet<number> = new Set([process.pid]);
  return {
    windowMs: durationMs(config.windowLength),
    model,
    indicators,
    scaleOf: (gpu) => deviceScale(gpu, limits, calibrations),
    agentPids: () => ownPids,
    agentVersion: agentVersion(),
    resumeAtMs: (gpuUuid) => lastSliceEnds.get(gpuUuid),
  };
}

async function serve(
  ledger: Ledger,
  { listen, prices }: DaemonSettings,
  { nowMs, log }: DaemonDeps,
  state: DaemonState,
): Promise<RunningServer | undefined> {
  if (!listen) return undefined;
  const parts = {
    ledger,
    metrics: state.metrics,
    health: async () => state.health(await ledger.outboxStatus()),
    report: async (request: Parameters<typeof makeReport>[0]) =>
      makeReport(request, ledger, prices, nowMs()),
    gpus: async () => ledger.gpus(),
    live: (gpuUuid: string) => state.liveLabel(gpuUuid),
    nowMs,
    onError: (error: unknown) => log.error({ error: String(error) }, "a request failed"),
  };
  return startServer(parts, listen.host, listen.port);
}
