import { causesOf } from "../alert/causes/causes.ts";
import type { Endpoint } from "../alert/endpoint.ts";
import { type AgentWatcher, runAgent } from "../agent.ts";
import type { PriceList } from "../bill/price-types.ts";
import { EgressRules } from "../classify/network/egress.ts";
import { agentVersion, loadShippedData, type ShippedData } from "../config/data.ts";
import { loadIndicators } from "../config/indicators.ts";
import { type Config, durationMs } from "../config/schema.ts";
import { createMetrics } from "../export/prometheus.ts";
import type { BufferedWriter } from "../ledger/buffered-writer.ts";
import { openLedger } from "../ledger/client.ts";
import type { Ledger } from "../ledger/contract.ts";
import { parseSize } from "../model/duration.ts";
import type { PipelineSettings } from "../pipeline/settings.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { createServer } from "../serve/server.ts";
import type { Logger } from "pino";
import { deviceScale } from "../signature/scale.ts";
import { contextIntakeOf } from "./context.ts";
import { unwritten } from "./disk-watch.ts";
import type { LedgerAlarm } from "./ledger-alarm.ts";
import { nodeName } from "./node-name.ts";
import { Alerting } from "./alerting.ts";
import { Inbox } from "./inbox.ts";
import { BudgetMeter } from "./budgets.ts";
import { openPrivacy, type Privacy } from "./privacy.ts";
import { PrivacyKeeper } from "./privacy-keeper.ts";
import { DaemonState } from "./state.ts";
import type { Probing } from "./probing.ts";
import type { OpenedSource } from "./source.ts";
import { openWriting } from "./writing.ts";

export interface DaemonSettings {
  config: Config;
  stateDir: string;
  source: OpenedSource;
  /** Launches of the agent's own on the devices of a live source; closed when the daemon ends. */
  probing?: Probing | undefined;
  endpoints: readonly Endpoint[];
  prices: PriceList | undefined;
  /** Where to serve; undefined to serve nothing. */
  listen: { host: string; port: number } | undefined;
}

export interface DaemonDeps {
  watch: AgentWatcher;
  log: Logger;
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
  const { config, stateDir } = settings;
  const maxBytes =
    config.ledger.maxSize === undefined ? undefined : parseSize(config.ledger.maxSize);
  const ledger = await openLedger({ stateDir, mode: "write", maxBytes });
  try {
    await runWithLedger(ledger, settings, deps);
  } finally {
    await settings.probing?.close();
    await ledger.close();
  }
}

async function runWithLedger(
  ledger: Ledger,
  settings: DaemonSettings,
  deps: DaemonDeps,
): Promise<void> {
  const { log, nowMs } = deps;
  const { source, config } = settings;
  const lastSliceEnds = await ledger.lastSliceEnds();
  const { writer, deliverer, alarm, disk, write } = openWriting(ledger, settings, deps);
  const privacy = openPrivacy(config.privacy, settings.stateDir);
  const budgets = newBudgets(settings, privacy, log);
  const alerting = newAlerting(settings, deps, budgets);
  await alerting.restore(ledger);
  const shipped = loadShippedData();
  const indicators = loadIndicators(shipped.indicators, settings.stateDir, config.indicators.files);
  const data = { ...shipped, indicators };
  const inbox = newInbox(ledger, settings, deps);
  await inbox.open();
  settings.probing?.loop.pauseWhile(() => inbox.isCalibrating());
  const pipeline = new Pipeline({
    ...pipelineSettings(data, inbox, settings, lastSliceEnds),
    names: privacy.names,
  });
  const state = newState(ledger, settings, deps, { writer, alerting, alarm, budgets, data });
  const server = await serve(ledger, settings, deps, state);
  deliverer.start();
  alarm.start();
  const ended = new AbortController();
  // The pids and devices of a recording are not those of this machine.
  const keeper = new PrivacyKeeper({ config: config.privacy, ledger, log, nowMs });
  const atWork = source.isLive ? [inbox, keeper] : [];
  const background = atWork.map(async (each) => each.run(deps.sleep, ended.signal));
  deps.onReady(server?.url);
  if (lastSliceEnds.size > 0) deps.onResume?.(Math.max(...lastSliceEnds.values()));
  try {
    const { probing } = settings;
    await runAgent(probing?.through(source.observations) ?? source.observations, {
      pipeline,
      privacy,
      lastSliceEnds,
      write,
      // A live node never waits for its disk; a replay goes no faster than it, while it works.
      written: async () => {
        if (source.isLive || writer.status().state === "failing") return;
        await unlessAborted(writer.drained(), AbortSignal.any([deps.signal, disk.trouble()]));
      },
      alert: (news, atMs) => alerting.observe(news, atMs),
      watch: state.watching(deps.watch),
    });
    const isComplete = await writer.flush();
    await deliverer.deliverDue(nowMs());
    await deps.onEnd(ledger);
    if (!isComplete) throw unwritten(writer.status(), settings.stateDir);
  } finally {
    // Also after an error: what was measured before it is kept.
    await writer.flush();
    ended.abort("over");
    await Promise.all(background);
    await server?.close();
    await deliverer.stop();
    await alarm.stop();
  }
}

interface StateSources {
  writer: BufferedWriter;
  alerting: Alerting;
  alarm: LedgerAlarm;
  budgets: BudgetMeter | undefined;
  data: ShippedData;
}

function newState(
  ledger: Ledger,
  { config, source, probing }: DaemonSettings,
  { nowMs }: DaemonDeps,
  { writer, alerting, alarm, budgets, data }: StateSources,
): DaemonState {
  const node = nodeName(config);
  const modelVersion = data.model.version;
  return new DaemonState({
    node,
    metrics: createMetrics({ agentVersion: agentVersion(), modelVersion, node }),
    writer,
    collectors: source.health,
    openIncidents: () => [...alerting.open(), ...alarm.open()],
    outboxStatus: async () => ledger.outboxStatus(),
    noteGpu: (gpu) => budgets?.noteGpu(gpu),
    startedAtMs: nowMs(),
    nowMs,
    rate: source.rate,
    probes: probing?.loop,
    collectorOf: source.collectorOf,
    doubted: source.doubted,
    minConfidence: config.alert.mining.minConfidence,
  });
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

function newBudgets(
  { config, prices }: DaemonSettings,
  { ownerKeyOf }: Privacy,
  log: Logger,
): BudgetMeter | undefined {
  if (config.alert.budgets.length === 0) return undefined;
  const budgets = config.alert.budgets.map((each) => ({ ...each, owner: ownerKeyOf(each.owner) }));
  if (prices) return new BudgetMeter(budgets, prices);
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
  const rules = { ...ruleSwitches(config.alert), mining, budgets };
  return new Alerting({ ...rules, endpoints, hash, nowMs, explain: causesOf });
}

/** The rules beside mining: on or off, and from how much time on. */
function ruleSwitches({ hidden, tunnel, network }: Config["alert"]) {
  const of = ({ enabled, dwell }: Config["alert"]["hidden"]) => ({
    enabled,
    dwellMs: durationMs(dwell),
  });
  return { hidden: of(hidden), tunnel: of(tunnel), network: of(network) };
}

/** A window is labelled for good when the one after it is known. */
const LINGER_WINDOWS = 4;

function newInbox(
  ledger: Ledger,
  { config, stateDir }: DaemonSettings,
  { log, nowMs }: DaemonDeps,
): Inbox {
  const monotonicMs = (): number => performance.now();
  const lingerMs = LINGER_WINDOWS * durationMs(config.windowLength);
  const { procRoot } = config.collect;
  return new Inbox({ stateDir, ledger, log, nowMs, monotonicMs, lingerMs, procRoot });
}

function pipelineSettings(
  { model, indicators, purposes, kernelNames, limits }: ShippedData,
  inbox: Inbox,
  { config, probing }: DaemonSettings,
  lastSliceEnds: ReadonlyMap<string, number>,
): PipelineSettings {
  const ownPids: ReadonlySet<number> = new Set([process.pid]);
  return {
    windowMs: durationMs(config.windowLength),
    model,
    indicators,
    purposes,
    owners: config.owners,
    kernelNames,
    egress: config.egress.length > 0 ? new EgressRules(config.egress) : undefined,
    scaleOf: (gpu) => deviceScale(gpu, limits, inbox.calibrations()),
    agentPids: () => new Set([...ownPids, ...inbox.agentPids(), ...(probing?.pids() ?? [])]),
    probePids: probing?.pids,
    agentVersion: agentVersion(),
    resumeAtMs: (gpuUuid) => lastSliceEnds.get(gpuUuid),
  };
}

interface RunningServer {
  url: string;
  close: () => Promise<void>;
}

async function serve(
  ledger: Ledger,
  { listen, prices, source, config }: DaemonSettings,
  { nowMs, log }: DaemonDeps,
  state: DaemonState,
): Promise<RunningServer | undefined> {
  if (!listen) return undefined;
  const server = createServer({
    ledger,
    prices: () => prices,
    billing: config.billing,
    metrics: { contentType: state.contentType, render: async () => state.renderMetrics() },
    health: () => state.health(),
    live: (gpuUuid) => state.liveLabel(gpuUuid),
    context: contextIntakeOf(source.contextReceiver, config),
    nowMs,
    log,
  });
  const { url } = await server.listen(listen.host, listen.port);
  return { url, close: async () => server.close() };
}
