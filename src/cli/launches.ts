import { existsSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import type { Command } from "commander";
import { tracingAbility } from "../collect/launches/ability.ts";
import { findHolders } from "../collect/launches/holders.ts";
import { KernelNames } from "../collect/launches/names.ts";
import { type Traced, traceLaunches } from "../collect/launches/trace.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { AssayError } from "../model/errors.ts";
import { plainName } from "../model/kernel-name.ts";
import type { LaunchSample } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";
import { secondsOf } from "./seconds.ts";

const ABOUT = `Watch for a moment what processes launch on the GPUs, and show it as a table.

It needs bpftrace and root. Launches are counted as programs hand them to the
driver, through CUDA, HIP, OpenCL, Vulkan or Level Zero; how long they run is
not seen. A kernel's name is known where it was loaded while somebody watched,
or where the program has a symbol for it. See docs/launches.md.

  assay launches                   # whoever has a GPU open, for 2 s
  assay launches --pid 4711 --seconds 5 --json`;

const MAX_SECONDS = 30;
const MAX_ROWS = 20;
const MAX_NAME = 60;

interface LaunchesOptions {
  pid?: string;
  seconds: string;
  json?: boolean;
  config?: string;
}

export function addLaunchesCommand(program: Command, io: CommandIo): void {
  program
    .command("launches")
    .summary("Watch what processes launch on the GPUs")
    .description(ABOUT)
    .option("--pid <pid>", "this process; by default all that have a GPU open")
    .option("--seconds <seconds>", `how long to watch, ${MAX_SECONDS} at most`, "2")
    .option("--json", "as JSON on stdout, in the form of a recording's lines")
    .option("-c, --config <file>", "configuration")
    .action(async (options: LaunchesOptions) => launches(options, io));
}

/** @throws AssayError `cli/usage`, `launches/unavailable`, `launches/no-process`, `launches/failed` */
async function launches(options: LaunchesOptions, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const windowMs = 1000 * windowSeconds(options.seconds);
  const asked = options.pid === undefined ? undefined : pidOf(options.pid, config);
  const { procRoot, pids: believed, launches: own } = config.collect;
  const { signal } = io;
  const ability = await tracingAbility({
    procRoot,
    pids: believed,
    path: own.path,
    searchPath: io.env["PATH"] ?? "",
    signal,
  });
  if (!ability.can && !signal.aborted)
    throw new AssayError("launches/unavailable", ability.reason, { hint: ability.hint });
  const pids =
    asked === undefined ? await findHolders(procRoot, () => performance.now(), signal) : [asked];
  const names = new KernelNames(procRoot);
  const base = { procRoot, windowMs, names, nowMs: io.nowMs, signal };
  const traced = ability.can ? await watched(pids, { ...base, path: ability.path }) : undefined;
  if (signal.aborted || !traced) {
    io.stderr("stopped: nothing is said of a window that was not watched to its end\n");
    return;
  }
  if (options.json) io.stdout(jsonOf(traced.samples));
  else for (const sample of traced.samples) io.stdout(textOf(sample));
  io.stderr(saidOf(traced, pids));
}

async function watched(
  pids: readonly number[],
  settings: Parameters<typeof traceLaunches>[1],
): Promise<Traced> {
  return traceLaunches(pids, settings).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("launches/failed", why, { cause });
  });
}

function windowSeconds(text: string): number {
  const seconds = secondsOf(text);
  if (seconds <= MAX_SECONDS) return seconds;
  throw new AssayError("cli/usage", `${seconds} s is too long to watch`, {
    place: "--seconds",
    hint: `${MAX_SECONDS} at most: each launch costs the watched program a little`,
  });
}

function pidOf(text: string, { collect }: Config): number {
  const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  if (pid === undefined)
    throw new AssayError("cli/usage", `"${sanitize(text, 60)}" is no process`, { place: "--pid" });
  if (existsSync(join(collect.procRoot, text))) return pid;
  throw new AssayError("launches/no-process", `there is no process ${pid}`, {
    place: "--pid",
    hint: "`ps` or `nvidia-smi` list them; a container's own numbers are not the host's",
  });
}

/** One line a process, as recordings have them. */
function jsonOf(samples: readonly LaunchSample[]): string {
  return samples
    .map(({ kind, atMs, ...rest }) => `${JSON.stringify({ kind, t: atMs / 1000, ...rest })}\n`)
    .join("");
}

function textOf({ pid, windowSeconds: seconds = 0, list }: LaunchSample): string {
  const total = list.reduce((sum, { count = 0 }) => sum + count, 0);
  const rate = seconds > 0 ? `, ${(total / seconds).toFixed(0)} a second` : "";
  const head = `process ${pid}: ${total} launches in ${seconds.toFixed(1)} s${rate}\n`;
  if (list.length === 0) return `${head}\n`;
  const table = new Table({
    head: ["launches", "grid", "block", "through", "kernel"],
    colAligns: ["right"],
    style: { head: [], border: [] },
  });
  const dimensions = (all: readonly number[] | undefined): string => all?.join(" x ") ?? "";
  for (const { count, grid, block, entry, name } of list.slice(0, MAX_ROWS)) {
    const kernel = name === undefined ? "" : sanitize(plainName(name), MAX_NAME);
    table.push([count ?? "", dimensions(grid), dimensions(block), entry ?? "(others)", kernel]);
  }
  const more = list.length - MAX_ROWS;
  return `${head}${table.toString()}\n${more > 0 ? `and ${more} more\n` : ""}\n`;
}

function saidOf({ pids, libraries }: Traced, asked: readonly number[]): string {
  if (asked.length === 0) return "no process has a GPU open\n";
  const blind = asked.filter((pid) => !pids.has(pid)).length;
  const missed =
    blind > 0
      ? `; of ${blind} nothing could be seen: no library with a known entry point is mapped, or it may not be read`
      : "";
  return `watched ${pids.size} of ${asked.length} processes through ${libraries} libraries${missed}\n`;
}
