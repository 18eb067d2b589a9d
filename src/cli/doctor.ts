import { accessSync, constants, existsSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { readInventory } from "../collect/inventory/inventory.ts";
import { createNvmlCollector } from "../collect/nvml/collector.ts";
import { agentVersion } from "../config/data.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { type Config, durationMs } from "../config/schema.ts";
import { nodeName } from "../daemon/node-name.ts";
import { AssayError } from "../model/errors.ts";
import { describeProbe } from "../probe/describe.ts";
import { openDevice } from "../probe/device-process.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Say what this machine offers to the daemon, what is missing, and how to get it.

A missing GPU is no failure: doctor exits with 0 and says what will not work.`;

/** One thing the daemon can use. `missing` costs a feature, `failing` is something to mend. */
interface Finding {
  name: string;
  status: "ok" | "missing" | "failing";
  detail: string;
  hints: readonly string[];
}

export function addDoctorCommand(program: Command, io: CommandIo): void {
  program
    .command("doctor")
    .summary("What this machine offers, and what is missing")
    .description(ABOUT)
    .option("--json", "the findings as JSON on stdout")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is, or would be")
    .action(async (options: { json?: boolean; config?: string; stateDir?: string }) => {
      const config = loadConfig(options.config);
      const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
      const [host, ...findings] = await Promise.all([
        readInventory(),
        nvml(config),
        probe(io),
        Promise.resolve(processes(config.collect.procRoot)),
        Promise.resolve(stateDirectory(stateDir)),
      ]);
      if (options.json) {
        io.stdout(`${JSON.stringify({ version: agentVersion(), host, findings }, null, 2)}\n`);
        return;
      }
      const { os, kernel, cpuModel, cpuThreads } = host;
      io.stdout(`gpu-assay ${agentVersion()} on ${host.hostname ?? hostname()}: `);
      io.stdout(`${os ?? "unknown system"}, kernel ${kernel ?? "unknown"}, `);
      io.stdout(`${cpuModel ?? "unknown CPU"} (${cpuThreads ?? "?"} threads)\n\n`);
      for (const finding of findings) io.stdout(text(finding));
    });
}

function text({ name, status, detail, hints }: Finding): string {
  const mark = { ok: "ok     ", missing: "missing", failing: "FAILING" }[status];
  const advice = hints.map((hint) => `           hint: ${hint}\n`).join("");
  return `${mark}  ${name}: ${detail}\n${advice}`;
}

async function nvml(config: Config): Promise<Finding> {
  const name = "GPU telemetry (NVML)";
  const { library } = config.collect.nvml;
  const settings = {
    node: nodeName(config),
    intervalMs: durationMs(config.collect.interval),
    library,
    procRoot: config.collect.procRoot,
    pids: config.collect.pids,
  };
  const collector = createNvmlCollector(settings, { monotonicMs: () => performance.now() });
  try {
    const opened = await collector.open();
    if (opened.status === "ready") return { name, status: "ok", detail: opened.detail, hints: [] };
    const hints = opened.hint === undefined ? [] : [opened.hint];
    return { name, status: "missing", detail: opened.reason, hints };
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    return {
      name,
      status: "failing",
      detail: error.message,
      hints: error.hint ? [error.hint] : [],
    };
  } finally {
    await collector.close();
  }
}

async function probe(io: CommandIo): Promise<Finding> {
  const name = "reference kernels (WebGPU)";
  const open = async (): ReturnType<typeof openDevice> => openDevice({ allowSoftware: true });
  const found = await describeProbe(open, { root: "/", environment: io.env });
  const status = {
    ready: "ok",
    software: "missing",
    unavailable: "missing",
    failing: "failing",
  } as const;
  return { name, status: status[found.status], detail: found.detail, hints: found.hints };
}

function processes(procRoot: string): Finding {
  const name = "processes (/proc)";
  if (!existsSync(join(procRoot, "stat")))
    return {
      name,
      status: "failing",
      detail: `${procRoot} holds no processes`,
      hints: ["name the host's /proc in collect.procRoot"],
    };
  const readable = isReadable(join(procRoot, "1", "environ"));
  if (readable) return { name, status: "ok", detail: `${procRoot}, of all users`, hints: [] };
  return {
    name,
    status: "missing",
    detail: `${procRoot} is there, but not the executables and variables of other users`,
    hints: ["run as root, or with CAP_SYS_PTRACE, to see them"],
  };
}

function stateDirectory(dir: string): Finding {
  const name = "state directory";
  const nearest = existingAncestor(dir);
  try {
    accessSync(nearest, constants.W_OK);
    return {
      name,
      status: "ok",
      detail: nearest === dir ? dir : `${dir} (will be made)`,
      hints: [],
    };
  } catch {
    const hints = ["give another with --state-dir"];
    return { name, status: "failing", detail: `${nearest} cannot be written`, hints };
  }
}

function existingAncestor(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingAncestor(dirname(path));
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
