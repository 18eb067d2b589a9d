import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../support/temporary.ts";

/** What the stand-in answers; it reads this anew at every turn of its loop. */
export interface Script {
  /** What `-L` prints, and the exit code. */
  list?: string;
  listCode?: number;
  /** What `--query-compute-apps` prints, and the exit code. */
  apps?: string;
  appsCode?: number;
  /** Columns that this driver does not know. */
  unknown?: string[];
  /** One object a GPU: column → cell. Columns it lacks are `[N/A]`. */
  gpus?: Record<string, string>[];
  /** `rows` as asked; `silent`, `hang` (deaf to SIGTERM too), `die`, or raw text to print. */
  loop?: "rows" | "silent" | "deaf" | "die" | { raw: string };
}

const UNITS: Record<string, string> = {
  "utilization.gpu": " [%]",
  "utilization.memory": " [%]",
  "utilization.encoder": " [%]",
  "utilization.decoder": " [%]",
  "utilization.jpeg": " [%]",
  "utilization.ofa": " [%]",
  "memory.total": " [MiB]",
  "memory.used": " [MiB]",
  "power.draw": " [W]",
  "power.draw.instant": " [W]",
  "enforced.power.limit": " [W]",
  "clocks.current.sm": " [MHz]",
  "clocks.current.memory": " [MHz]",
};

/** A stand-in for nvidia-smi: a real program that answers as its script file says. */
const PROGRAM = `#!${process.execPath}
const fs = require("node:fs");
const path = require("node:path");
const file = (name) => path.join(__dirname, name);
const script = () => JSON.parse(fs.readFileSync(file("script.json"), "utf8"));
const units = ${JSON.stringify(UNITS)};
const args = process.argv.slice(2);
fs.appendFileSync(file("calls"), process.pid + " " + args.join(" ") + "\\n");
const end = (text, code) => process.stdout.write(text ?? "", () => process.exit(code ?? 0));
const query = args.find((arg) => arg.startsWith("--query-gpu="));
const s = script();
if (args[0] === "-L") end(s.list, s.listCode);
else if (!query) end(s.apps, s.appsCode);
else {
  const columns = query.slice("--query-gpu=".length).split(",");
  const refused = columns.find((name) => (s.unknown ?? []).includes(name));
  if (refused) end('Field "' + refused + '" is not a valid field to query.\\n', 2);
  else run(columns);
}
function run(columns) {
  const loopMs = Number(args.find((arg) => arg.startsWith("--loop-ms=")).slice(10));
  if (s.loop === "deaf") process.on("SIGTERM", () => {});
  console.log(columns.map((name) => name + (units[name] ?? "")).join(", "));
  const turn = () => {
    const { loop = "rows", gpus = [] } = script();
    if (loop === "die") process.exit(9);
    if (typeof loop === "object") return process.stdout.write(loop.raw);
    if (loop !== "rows") return;
    for (const gpu of gpus) console.log(columns.map((name) => gpu[name] ?? "[N/A]").join(", "));
  };
  turn();
  setInterval(turn, loopMs);
}
`;

export interface StandIn {
  path: string;
  /** Changes what it answers from its next turn on. */
  script(change: Script): void;
  /** How it was called so far. */
  calls(): { pid: number; args: string }[];
}

export function standIn(first: Script = {}): StandIn {
  const folder = temporaryFolder("nvidia-smi");
  const path = join(folder, "nvidia-smi");
  writeFileSync(path, PROGRAM);
  chmodSync(path, 0o755);
  let answers: Script = { ...ONE_GPU, ...first };
  const script = (change: Script): void => {
    answers = { ...answers, ...change };
    const file = join(folder, "script.json");
    writeFileSync(`${file}.new`, JSON.stringify(answers));
    renameSync(`${file}.new`, file);
  };
  script({});
  const calls = (): { pid: number; args: string }[] => {
    const file = join(folder, "calls");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").trim().split("\n");
    return lines.map((line) => {
      const [pid = "", ...args] = line.split(" ");
      return { pid: Number(pid), args: args.join(" ") };
    });
  };
  return { path, script, calls };
}

export const APPS_HEADER = "gpu_uuid, pid, used_gpu_memory [MiB]\n";

/** A GPU in which every quantity is measured. */
export const BUSY: Record<string, string> = {
  index: "0",
  uuid: "GPU-0",
  name: "NVIDIA Stand-in 80GB",
  "pci.bus_id": "00000000:01:00.0",
  driver_version: "550.54.15",
  "memory.total": "81559",
  "enforced.power.limit": "700.00",
  "mig.mode.current": "Disabled",
  "utilization.gpu": "87",
  "utilization.memory": "40",
  "utilization.encoder": "0",
  "memory.used": "1024",
  "power.draw.instant": "310.50",
  "power.draw": "300.00",
  "temperature.gpu": "65",
  "clocks.current.sm": "1980",
  "clocks.current.memory": "2619",
  "clocks_event_reasons.active": "0x0000000000000004",
};

const ONE_GPU: Script = {
  list: "GPU 0: NVIDIA Stand-in 80GB (UUID: GPU-0)\n",
  apps: APPS_HEADER,
  gpus: [BUSY],
};

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until something holds; fails after 10 s. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const endMs = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endMs) throw new Error("it did not happen within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
