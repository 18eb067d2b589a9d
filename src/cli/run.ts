import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { createEndpoint, type Endpoint, secretSources } from "../alert/endpoint.ts";
import { type DemoReceiver, startDemoReceiver } from "../alert/demo-receiver.ts";
import { shortHash } from "../alert/signing.ts";
import { demoRecordingPath, examplePricesPath } from "../config/data.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import type { Config } from "../config/schema.ts";
import { type DaemonSettings, runDaemon } from "../daemon/daemon.ts";
import { DEFAULT_GROUPS, makeReport, type ReportArguments } from "../bill/make-report.ts";
import { loadPrices } from "../daemon/prices.ts";
import type { Ledger } from "../ledger/contract.ts";
import {
  checkRecording,
  type OpenedSource,
  openLiveSource,
  openRecordingSource,
} from "../daemon/source.ts";
import { FINE_SIGNALS } from "../signature/fine.ts";
import { AssayError } from "../model/errors.ts";
import { parseAddress } from "./address.ts";
import { Console } from "./console.ts";
import { warningText } from "./format.ts";
import type { CommandIo } from "./io.ts";
import { createLog } from "./log.ts";
import { openProbing } from "./probing.ts";
import { sleep } from "../collect/sleep.ts";

const ABOUT = `Run the daemon.

It watches the GPUs that are there. Where there is none it waits for one, if a
configuration or a state directory is named; without either it says so and runs
the same pipeline, speeded up, on a simulated recording that ships with the
program, with a local receiver for its alert (also: --demo). A recording is run
the same way with --recording FILE. Every finished slice is a line on
stdout; the cost report comes at the end.

  assay run --config /etc/gpu-assay/config.yaml
  assay run --recording node7.ndjson.gz --speed 600
  curl http://127.0.0.1:9836/healthz
      (also /metrics, /api/v1/gpus, /api/v1/slices, /api/v1/report)`;

const DEMO_SPEED = 60;

interface RunOptions {
  config?: string;
  stateDir?: string;
  listen?: string;
  recording?: string;
  speed: string;
  live?: boolean;
  demo?: boolean;
  prices?: string;
}

export function addRunCommand(program: Command, io: CommandIo): void {
  program
    .command("run")
    .summary("Run the daemon")
    .description(ABOUT)
    .option("-c, --config <file>", "configuration (see: assay config print)")
    .option("--state-dir <dir>", "ledger, keys and calibrations; a recording gets a temporary one")
    .option("--listen <host:port>", "HTTP endpoints; port 0 takes any free one")
    .option("--recording <file>", "run on a recording instead of this machine's GPUs")
    .option(
      "--speed <factor>",
      "of a recording: 1 is as recorded, max as fast as it can be read",
      String(DEMO_SPEED),
    )
    .option("--demo", "show the demonstration, whatever GPUs are here")
    .option("--live", "wait for a GPU to appear where there is none, as with a configuration")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .action(async (options: RunOptions) => run(options, io));
}

async function run(options: RunOptions, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const log = createLog(config.log.level, io);
  const terminal = new Console(io);
  const source = await chooseSource(config, options, io, terminal, log);
  // A person watches a recording: the lines on stdout tell it, the log would only repeat them.
  if (!source.isLive) log.level = "warn";
  const isDemo = !source.isLive && options.recording === undefined;
  const endpoints = config.alert.webhooks.map((hook) =>
    createEndpoint(hook, secretSources(io.env)),
  );
  const prices = pricesOf(config, options, isDemo);
  const listen = config.serve.enabled
    ? parseAddress(options.listen ?? config.serve.listen)
    : undefined;
  const receiver = isDemo ? await demoReceiver(io, terminal) : undefined;
  const state = stateDirOf(options, source, io);
  try {
    // What was made up must wake nobody: a demonstration tells its own receiver only.
    const all: Endpoint[] = receiver ? [receiver.endpoint] : endpoints;
    const settings: DaemonSettings = {
      config,
      stateDir: state.dir,
      source,
      probing: source.isLive ? await openProbing(config, log, io) : undefined,
      endpoints: all,
      prices,
      listen,
    };
    await runDaemon(settings, {
      watch: terminal.watcher(),
      log,
      nowMs: io.nowMs,
      sleep,
      random: Math.random,
      hash: shortHash,
      signal: io.signal,
      onReady: (url) => terminal.ready(source, url, state.dir, state.isTemporary),
      onResume: (endMs) => {
        if (!source.isLive) terminal.resumes(endMs);
      },
      onEnd: async (ledger) => {
        const { due } = await ledger.outboxStatus();
        if (due > 0) terminal.undelivered(due, state.isTemporary);
        if ((await ledger.extent()) === undefined)
          return io.stderr("nothing was measured: no report\n");
        const request = { groupBy: DEFAULT_GROUPS, format: "table" } as const;
        io.stdout(`\n${await lastReport(request, ledger, prices, io)}`);
      },
    });
    for (const warning of source.warnings()) io.stderr(`${warningText("recording", warning)}\n`);
  } finally {
    await receiver?.close();
    state.cleanUp();
  }
}

/** A price that is missing fails no run: the hours are told, and what is missing for the money. */
async function lastReport(
  request: ReportArguments,
  ledger: Ledger,
  prices: DaemonSettings["prices"],
  io: CommandIo,
): Promise<string | Uint8Array> {
  try {
    return await makeReport(request, ledger, prices, io.nowMs());
  } catch (error) {
    const isUnpriced = error instanceof AssayError && error.code === "price/missing";
    if (!isUnpriced) throw error;
    io.stderr(`no costs in the report: ${error.report()}\n`);
    return makeReport(request, ledger, undefined, io.nowMs());
  }
}

async function chooseSource(
  config: Config,
  options: RunOptions,
  io: CommandIo,
  terminal: Console,
  log: ReturnType<typeof createLog>,
): Promise<OpenedSource> {
  const { signal, nowMs } = io;
  const monotonicMs = (): number => performance.now();
  const deps = {
    nowMs,
    monotonicMs,
    sleep,
    signal,
    onEvent: terminal.collectorEvent(log),
    onDuplicate: terminal.duplicateEvent(log),
    onRate: terminal.rateEvent(log),
    onNotice: terminal.noticeEvent(log),
    signals: FINE_SIGNALS,
  };
  const speed = parseSpeed(options.speed);
  if (options.recording !== undefined) {
    await checkRecording(options.recording);
    return openRecordingSource(options.recording, speed, deps);
  }
  if (options.demo) return openRecordingSource(demoRecordingPath(), speed, deps);
  const live = await openLiveSource(config, deps);
  if (live.isPresent || isService(options)) return live.source;
  io.stderr(`no GPU to watch (${live.reason}): showing a simulated recording instead\n`);
  return openRecordingSource(demoRecordingPath(), speed, deps);
}

/** Whoever names a configuration or a ledger wants the daemon, and a driver may come later. */
function isService({ live, config, stateDir }: RunOptions): boolean {
  return live === true || config !== undefined || stateDir !== undefined;
}

function parseSpeed(text: string): number {
  const speed = text === "max" ? Infinity : Number(text);
  if (speed > 0) return speed;
  throw new AssayError("cli/usage", `"${text}" is no speed`, {
    place: "--speed",
    hint: "a factor above 0, such as 60, or max",
  });
}

/** Without a price list a demonstration shows the example's prices, and its name says so. */
function pricesOf(config: Config, options: RunOptions, isDemo: boolean): DaemonSettings["prices"] {
  const file = options.prices ?? config.prices.file;
  if (file !== undefined) return loadPrices(file);
  return isDemo ? loadPrices(examplePricesPath()) : undefined;
}

/** A recording's slices do not belong into this node's ledger: they get a directory of their own. */
function stateDirOf(
  options: RunOptions,
  source: OpenedSource,
  io: CommandIo,
): { dir: string; isTemporary: boolean; cleanUp: () => void } {
  const kept = { isTemporary: false, cleanUp: (): void => {} };
  if (options.stateDir !== undefined) return { dir: options.stateDir, ...kept };
  if (source.isLive) return { dir: defaultStateDir(io.env, process.getuid?.() === 0), ...kept };
  const dir = mkdtempSync(join(tmpdir(), "gpu-assay-"));
  const cleanUp = (): void => {
    if (existsSync(dir)) rmSync(dir, { recursive: true });
  };
  return { dir, isTemporary: true, cleanUp };
}

async function demoReceiver(io: CommandIo, terminal: Console): Promise<DemoReceiver> {
  return startDemoReceiver({
    randomBytes: (count) => randomBytes(count),
    clock: io.nowMs,
    onAlert: (alert) => terminal.alertReceived(alert),
  });
}
