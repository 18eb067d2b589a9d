import type { Command } from "commander";
import { energyPriceSpans, gpuPriceSpans, priceAt } from "../bill/price-lookup.ts";
import { showsHostProcesses } from "../collect/processes/holders.ts";
import { sleep } from "../collect/sleep.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import type { Config } from "../config/schema.ts";
import { nodeName } from "../daemon/node-name.ts";
import { loadPrices } from "../daemon/prices.ts";
import { collectorsOf } from "../daemon/source.ts";
import { openTelemetry } from "../daemon/telemetry.ts";
import type { Calibration } from "../model/calibration.ts";
import { energyCost, formatDecimal, gpuTimeCost, settle } from "../model/money.ts";
import { type Roofline, rooflineOf } from "../model/roofline.ts";
import { renderRoofline } from "../plot/roofline/figure.ts";
import type { BindingFacts } from "../probe/binding.ts";
import { calibrate } from "../probe/calibrate.ts";
import type {
  CalibrateOptions,
  CalibrationRun,
  OpenedDevice,
  OpenOptions,
} from "../probe/calibration-types.ts";
import type { ProbeDevice } from "../probe/device.ts";
import { matchDevice } from "../probe/device-match.ts";
import { openDeviceOn, readBindingFacts } from "../probe/device-on.ts";
import { type DeviceOptions, openDevice } from "../probe/device-process.ts";
import { driftOf, driftText, firstOf } from "../probe/drift.ts";
import type { TelemetrySource } from "../probe/telemetry.ts";
import type { Tuning } from "../probe/tuning.ts";
import { explainedAdapterFailure } from "./adapter-failure.ts";
import { benchTuning } from "./bench/tuning.ts";
import { hasLedger, type Keeper, openKeeper } from "./calibrate/keep.ts";
import { type Choice, type CalibrateArguments, choose } from "./calibrate/options.ts";
import { accountText, calibrationTable, progressText } from "./calibrate/text.ts";
import type { CommandIo } from "./io.ts";
import { type ReservedPicture, reservePicture } from "./picture.ts";

const ABOUT = `Run the reference kernels on this machine's GPU and keep what they reach.

It waits for an idle GPU, and gives it back at once when another process wants
it. Each kernel is verified against published vectors and a CPU reference, then
measured while the collectors watch, until its rate is steady: what hash-like
and matmul-like work look like on this very device. What has changed since the
first calibration is told. The result goes to the ledger; a running daemon takes
it in, bills the time to the agent, and uses the new scale from then on. Needs a
Vulkan driver (see: assay doctor).

  assay calibrate --gpu 0 --svg roofline.svg
  assay calibrate --kernels sha256d,matmul-f32 --seconds 2`;

export function addCalibrateCommand(program: Command, io: CommandIo): void {
  program
    .command("calibrate")
    .summary("Run the reference kernels and keep what they reach")
    .description(ABOUT)
    .option("--gpu <index|uuid>", "only this GPU will do")
    .option("--kernels <names>", "these kernels or families only, separated by commas")
    .option("--seconds <n>", "measured time of each round of a kernel", "5")
    .option(
      "--wait <duration>",
      "how long to wait for a GPU that is in use; 0 for not at all",
      "1m",
    )
    .option("--svg <file>", "draw the roofline of this device into a new file")
    .option("--force", "overwrite an existing --svg file")
    .option(
      "--allow-software",
      "also on a CPU that plays GPU; the result is marked, and never a GPU's",
    )
    .option("--json", "the calibrations as JSON on stdout")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: CalibrateArguments) => run(options, io));
}

async function run(options: CalibrateArguments, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const deps = { nowMs: io.nowMs, monotonicMs, sleep };
  const collectors = collectorsOf(config, deps);
  const { telemetry, close } = await openTelemetry(collectors, deps, showsHostProcesses("/proc"));
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  let keeper: Keeper | undefined;
  let picture: ReservedPicture | undefined;
  try {
    const choice = choose(options, telemetry.gpus);
    if (options.svg !== undefined)
      picture = await reservePicture(options.svg, options.force ?? false);
    const facts = await readBindingFacts(process.geteuid?.() === 0);
    // Where there is a ledger already, a daemon may have it, and is told of every process of ours.
    if (hasLedger(stateDir)) keeper = await openKeeper(stateDir, sleep);
    const done = await calibrate({
      ...measuring(choice, telemetry, facts, io),
      tuning: tuningIn(stateDir, io),
      onStarted: (pid) => keeper?.claim(pid, choice.gpuUuid ?? ""),
      // Without a device no ledger is made; without one no GPU time is spent on what cannot be kept.
      onMatched: async () => void (keeper ??= await openKeeper(stateDir, sleep)),
    }).catch(async (error: unknown) => {
      throw await explainedAdapterFailure(error, undefined, io);
    });
    if (keeper) await tell(done, { options, config, telemetry, keeper, picture, io });
    const [failed] = done.failed;
    const error = failed?.error ?? done.stopped;
    if (error) throw error;
  } finally {
    await picture?.discard();
    await keeper?.close();
    await close();
  }
}

function monotonicMs(): number {
  return performance.now();
}

function measuring(
  choice: Choice,
  telemetry: TelemetrySource,
  facts: BindingFacts,
  io: CommandIo,
): CalibrateOptions {
  const { kernels, seconds, waitSeconds, gpuUuid } = choice;
  return {
    kernels,
    seconds,
    waitSeconds,
    gpuUuid,
    open: (how) => openConfirmed(choice, telemetry, facts, how),
    telemetry,
    clock: { nowMs: io.nowMs, monotonicSeconds: () => monotonicMs() / 1000 },
    sleep: async (wait, signal) => sleep(wait * 1000, signal),
    random: Math.random,
    signal: io.signal,
    onProgress: (progress) => io.stderr(progressText(progress)),
  };
}

function tuningIn(stateDir: string, io: CommandIo): Tuning {
  const say = (text: string): void => io.stderr(`${text}\n`);
  const now = (): number => monotonicMs() / 1000;
  return benchTuning({ stateDir, random: Math.random, now, signal: io.signal, say });
}

/** A device that is the GPU that was asked for; any, where none was. */
async function openConfirmed(
  { gpuUuid, allowSoftware }: Choice,
  telemetry: TelemetrySource,
  facts: BindingFacts,
  { robustness, started, signal }: OpenOptions,
): Promise<OpenedDevice> {
  const gpu = telemetry.gpus.find(({ uuid }) => uuid === gpuUuid);
  const open = (bound: Partial<DeviceOptions>): Promise<ProbeDevice> =>
    openDevice({ ...bound, robustness, allowSoftware });
  if (gpu) return openDeviceOn(gpu, { open, telemetry, facts, started, signal });
  const device = await open({ started, signal });
  try {
    return { device, match: await matchDevice(device, telemetry, { signal }) };
  } catch (error) {
    await device.close();
    throw error;
  }
}

interface Telling {
  options: CalibrateArguments;
  config: Config;
  telemetry: TelemetrySource;
  keeper: Keeper;
  picture: ReservedPicture | undefined;
  io: CommandIo;
}

/** Keeps what was measured, then tells it: a terminal that is gone must not cost the result. */
async function tell(
  done: CalibrationRun,
  { options, config, telemetry, keeper, picture, io }: Telling,
): Promise<void> {
  const roofline = rooflineOf(withKnown(done.calibrations, keeper.history));
  const calibrations = done.calibrations.map((each) => withCeiling(each, roofline));
  const kept = calibrations.length > 0 ? await keeper.keep(calibrations) : undefined;
  const drift = calibrations.flatMap((now) => {
    const first = firstOf(keeper.history, now);
    return first ? [driftOf(now, first)] : [];
  });
  const adapter = calibrations[0]?.adapter ?? "";
  if (calibrations.length > 0) await picture?.write(pictureOf(done, roofline));
  if (options.json) {
    const { stopped, failed, ...rest } = done;
    const told = failed.map(({ kernel, error }) => ({ kernel, error: error.code }));
    const all = { ...rest, calibrations, failed: told, stopped: stopped?.code, drift, kept };
    io.stdout(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  if (calibrations.length > 0) io.stdout(calibrationTable(done.calibrations, roofline));
  const money = moneyText(done, config, telemetry, io.nowMs());
  io.stdout(accountText(done, adapter, { hasDaemon: keeper.hasDaemon, money }));
  for (const each of drift) {
    const text = driftText(each);
    if (text !== undefined) io.stdout(`Drift: ${text}.\n`);
  }
  if (drift.length > 0 && drift.every((each) => driftText(each) === undefined))
    io.stdout("No drift since the first calibration.\n");
  if (kept !== undefined) io.stdout(`Kept ${kept}.\n`);
}

/** With its place below the ceilings that are known now: later ones may be others. */
function withCeiling(calibration: Calibration, { kernels }: Roofline<Calibration>): Calibration {
  const { fraction, resource } =
    kernels.find(({ measured }) => measured === calibration)?.bound ?? {};
  if (fraction === undefined || resource === undefined) return calibration;
  return { ...calibration, ceiling: { resource, fraction } };
}

function pictureOf(
  { calibrations, watched, match, wallSeconds }: CalibrationRun,
  roofline: Roofline<Calibration>,
): string {
  const [first] = calibrations;
  const when = new Date(first?.atMs ?? 0).toISOString().slice(0, 16);
  const driver = first?.driverVersion === undefined ? "" : `, driver ${first.driverVersion}`;
  const limit =
    first?.powerLimitWatts === undefined ? "" : `, power limit ${first.powerLimitWatts} W`;
  return renderRoofline({
    adapter: first?.adapter ?? "",
    software: watched === "software",
    roofline,
    notes: [
      `calibrated ${when}Z in ${wallSeconds.toFixed(0)} s`,
      ...(watched === "software" ? [] : [`${match.gpuUuid}${driver}${limit}`]),
    ],
  });
}

/** Ceilings that were not measured this time are those of the newest time before. */
function withKnown(
  now: readonly Calibration[],
  history: readonly Calibration[],
): readonly Calibration[] {
  const [one] = now;
  const newest = new Map<string, Calibration>();
  for (const each of history)
    if (each.gpuUuid === one?.gpuUuid && each.adapter === one.adapter)
      newest.set(each.kernel, each);
  for (const { kernel } of now) newest.delete(kernel);
  return [...now, ...newest.values()];
}

/** GPU time and energy by the configured price list; undefined without one, or without a price. */
function moneyText(
  { match, gpuSeconds, energyJoules }: CalibrationRun,
  config: Config,
  { gpus }: TelemetrySource,
  nowMs: number,
): string | undefined {
  const gpu = gpus.find(({ uuid }) => uuid === match.gpuUuid);
  if (config.prices.file === undefined || !gpu) return undefined;
  const prices = loadPrices(config.prices.file);
  const window = { fromMs: nowMs, toMs: nowMs + 1 };
  const anHour = priceAt(gpuPriceSpans(prices, { ...gpu, node: nodeName(config) }, window), nowMs);
  if (anHour === undefined) return undefined;
  const aKwh = priceAt(energyPriceSpans(prices, window), nowMs) ?? 0n;
  const time = gpuTimeCost(Math.round(gpuSeconds * 1000), anHour);
  const energy = energyCost(Math.round((energyJoules ?? 0) * 1000), aKwh);
  const { total } = settle([{ key: "", cost: time + energy }]);
  return `${formatDecimal(total / 100_000n, 4)} ${prices.currency} by ${prices.name}`;
}
