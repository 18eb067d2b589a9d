import type { Command } from "commander";
import { createNvmlCollector } from "../collect/nvml/collector.ts";
import { showsHostProcesses } from "../collect/processes/holders.ts";
import { sleep } from "../collect/sleep.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { durationMs } from "../config/schema.ts";
import { openTelemetry } from "../daemon/telemetry.ts";
import { openLedger } from "../ledger/client.ts";
import type { Calibration } from "../model/calibration.ts";
import { nodeName } from "../daemon/node-name.ts";
import { AssayError } from "../model/errors.ts";
import { calibrate } from "../probe/calibrate.ts";
import { openDevice } from "../probe/device-process.ts";
import { KERNELS } from "../probe/kernels/all.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Run the reference kernels on this machine's GPU and keep what they reach.

Each kernel is verified against published vectors and a CPU reference, then
measured while the collectors watch: its rate, power, clocks and utilisation are
what hash-like and matmul-like work look like on this very device. The result
goes to the ledger, so stop the daemon meanwhile. Needs a Vulkan driver (see:
assay doctor).`;

interface CalibrateOptions {
  config?: string;
  stateDir?: string;
  seconds: string;
  allowSoftware?: boolean;
  json?: boolean;
}

export function addCalibrateCommand(program: Command, io: CommandIo): void {
  program
    .command("calibrate")
    .summary("Run the reference kernels and keep what they reach")
    .description(ABOUT)
    .option("--seconds <n>", "measured time for each kernel", "5")
    .option(
      "--allow-software",
      "also on a CPU that plays GPU; the result is marked, and never a GPU's",
    )
    .option("--json", "the calibrations as JSON on stdout")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: CalibrateOptions) => run(options, io));
}

async function run(options: CalibrateOptions, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const seconds = Number(options.seconds);
  if (!(seconds > 0 && seconds <= 600))
    throw new AssayError("cli/usage", `"${options.seconds}" is no time to measure`, {
      place: "--seconds",
      hint: "a number of seconds above 0, 600 at most",
    });
  const { procRoot, pids, nvml: source } = config.collect;
  const { library } = source;
  const intervalMs = durationMs(config.collect.interval);
  const monotonicMs = (): number => performance.now();
  const nvml = createNvmlCollector(
    { node: nodeName(config), intervalMs, library, procRoot, pids },
    { monotonicMs },
  );
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  // Without a device no ledger is made; without a ledger no GPU time is spent on what cannot be kept.
  const device = await openDevice({ allowSoftware: options.allowSoftware ?? false });
  const ledger = await openLedger({ stateDir, mode: "write" }).catch(async (error: unknown) => {
    await device.close();
    throw error;
  });
  const { telemetry, close } = await openTelemetry(nvml, io.nowMs, showsHostProcesses("/proc"));
  try {
    const calibrations = await calibrate({
      openDevice: async () => device,
      kernels: KERNELS,
      seconds,
      telemetry,
      clock: { nowMs: io.nowMs, monotonicSeconds: () => monotonicMs() / 1000 },
      sleep: async (wait) => sleep(wait * 1000, io.signal),
      random: Math.random,
      onProgress: ({ kernel, stage }) => io.stderr(`${kernel}: ${stage}\n`),
    });
    await ledger.append({ calibrations });
    io.stdout(
      options.json ? `${JSON.stringify(calibrations, null, 2)}\n` : calibrations.map(text).join(""),
    );
  } finally {
    await close();
    await ledger.close();
  }
}

function text(calibration: Calibration): string {
  const { kernel, ratePerSecond, unit, adapter, software, rateSpread, telemetry } = calibration;
  const spread = rateSpread === undefined ? "" : `, spread ${(100 * rateSpread).toFixed(1)} %`;
  const watts = telemetry["powerWatts"];
  const power = watts === undefined ? "power not measured" : `${watts.toFixed(0)} W`;
  const mark = software ? "  (SOFTWARE: a CPU plays GPU here)" : "";
  return `${kernel}: ${ratePerSecond.toExponential(3)} ${unit}${spread}, ${power}, on ${adapter}${mark}\n`;
}
