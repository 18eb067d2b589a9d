import { hostname } from "node:os";
import type { Command } from "commander";
import { readInventory } from "../collect/inventory/inventory.ts";
import { sleep } from "../collect/sleep.ts";
import { agentVersion } from "../config/data.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { registriesOf } from "../daemon/registries.ts";
import { collectorsOf } from "../daemon/source.ts";
import { readBindingFacts } from "../probe/device-on.ts";
import { bindingFinding } from "./doctor-binding.ts";
import { probeFinding, processesFinding, stateDirectoryFinding } from "./doctor-findings.ts";
import { hostFinding } from "./doctor-host.ts";
import { privilegeFinding } from "./doctor-privileges.ts";
import { registryFindings } from "./doctor-registries.ts";
import { launchesFinding } from "./doctor-launches.ts";
import { lookAtSources } from "./doctor-sources.ts";
import { devicesText, findingText } from "./doctor-text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Say what this machine offers to the daemon, what is missing, and how to get it.

Every source of GPU telemetry is opened and read twice, a second apart: the list
below each device says what measures which quantity, and which gave no answer.
A missing GPU is no failure: doctor exits with 0 and says what will not work.`;

interface DoctorOptions {
  json?: boolean;
  config?: string;
  stateDir?: string;
}

export function addDoctorCommand(program: Command, io: CommandIo): void {
  program
    .command("doctor")
    .summary("What this machine offers, and what is missing")
    .description(ABOUT)
    .option("--json", "the findings as JSON on stdout")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is, or would be")
    .action(async (options: DoctorOptions) => doctor(options, io));
}

async function doctor(options: DoctorOptions, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const clock = { nowMs: io.nowMs, monotonicMs: () => performance.now(), sleep };
  const [host, seen, kernels, facts, around, registries, launches] = await Promise.all([
    readInventory(),
    lookAtSources(collectorsOf(config, clock), clock),
    probeFinding(io),
    readBindingFacts(process.getuid?.() === 0, { procRoot: config.collect.procRoot }),
    hostFinding(config, clock),
    registryFindings((deps) => registriesOf(config, deps), io.nowMs),
    launchesFinding(config, io.env["PATH"] ?? ""),
  ]);
  const binding = bindingFinding(seen.devices, facts);
  const rest = [
    kernels,
    ...(binding ? [binding] : []),
    processesFinding(config.collect.procRoot, config.collect.pids),
    around,
    privilegeFinding(config.collect.procRoot),
    ...registries,
    launches,
    stateDirectoryFinding(stateDir),
  ];
  const findings = [...seen.findings, ...rest];
  const { sources, devices } = seen;
  if (options.json) {
    const all = { version: agentVersion(), host, findings, sources, devices };
    io.stdout(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const { os, kernel, cpuModel, cpuThreads } = host;
  io.stdout(`gpu-assay ${agentVersion()} on ${host.hostname ?? hostname()}: `);
  io.stdout(`${os ?? "unknown system"}, kernel ${kernel ?? "unknown"}, `);
  io.stdout(`${cpuModel ?? "unknown CPU"} (${cpuThreads ?? "?"} threads)\n\n`);
  for (const finding of findings) io.stdout(findingText(finding));
  io.stdout(devicesText(devices));
}
