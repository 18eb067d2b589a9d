/**
 * The reference kernels beside their peers: matrix products on the same adapter in the same
 * process, hashes beside one core. Asserts nothing.
 * Usage: npm run bench:kernels -- [--only rates|matmul|hashes] [--sides 256,512] [--seconds n] [--json]
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BenchReport } from "../../src/cli/bench/report.ts";
import { AssayError } from "../../src/model/errors.ts";
import { adapterName, openDevice } from "../../src/probe/device-process.ts";
import type { AdapterDescription } from "../../src/probe/protocol.ts";
import { softwareAdapter } from "../../test/support/software-adapter.ts";
import { builtUrl } from "../built.ts";
import { machine } from "../machine.ts";
import { hardwareText } from "../print.ts";
import { coreRates } from "./hashes.ts";
import { wasmHashers } from "./peers.ts";
import { type MatmulLine, MatmulMessage } from "./plan.ts";
import { hashesText, matmulText, ratesText } from "./print.ts";

const PARTS = ["rates", "matmul", "hashes"] as const;
/** A CPU that plays GPU takes seconds for what a GPU does in a millisecond. */
const SIDES = { gpu: [256, 512, 1024, 2048, 4096, 8192], software: [256, 512] };
const ROUNDS = { gpu: 9, software: 5 };

interface Place {
  adapter: AdapterDescription;
  environment: Record<string, string>;
}

const values = argumentsOf();
const parts = PARTS.filter((part) => values.only === undefined || values.only === part);
const sides = values.sides?.split(",").map(Number);
if (values.mistake !== undefined) usage(values.mistake);
else if (parts.length === 0) usage(`--only takes one of ${PARTS.join(", ")}`);
else if (sides?.some((side) => !Number.isInteger(side) || side < 1))
  usage("--sides takes whole numbers with commas, such as 256,512");
else if (!(Number(values.seconds) > 0)) usage("--seconds takes a number above 0");
else await main();

/** A mistake is told like any other, without the way it was found. */
function argumentsOf() {
  const options = {
    only: { type: "string" },
    sides: { type: "string" },
    seconds: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  } as const;
  try {
    return { ...parseArgs({ options }).values, mistake: undefined };
  } catch (error) {
    const mistake = error instanceof Error ? error.message : String(error);
    return { ...parseArgs({ args: [], options }).values, mistake };
  }
}

function usage(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const say = (text: string): void => void (values.json || process.stdout.write(text));
  const place = await findAdapter();
  const { software } = place.adapter;
  say(hardwareText(machine()));
  say(
    `adapter    ${adapterName(place.adapter)}${software ? " (SOFTWARE: a CPU plays GPU)" : ""}\n`,
  );
  const needsRates = parts.includes("rates") || parts.includes("hashes");
  const rates = needsRates ? await runRates(place) : undefined;
  if (rates && parts.includes("rates")) say(ratesText(rates));
  const matmul = parts.includes("matmul")
    ? await runMatmul(place, (line) => say(matmulText(line)))
    : [];
  const wasm = parts.includes("hashes") ? await wasmHashers() : undefined;
  const cores = wasm ? await coreRates(wasm.hashers, wasm.version) : [];
  if (rates && wasm) say(hashesText(rates, cores));
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ machine: machine(), adapter: place.adapter, rates, matmul, cores }, undefined, 2)}\n`,
    );
}

/** A GPU where there is one, else the software adapter of the tests, and everything says so. */
async function findAdapter(): Promise<Place> {
  const childUrl = builtUrl("probe/child.js");
  const open = async (environment: Record<string, string>): Promise<Place> => {
    const device = await openDevice({ allowSoftware: true, environment, childUrl });
    const { adapter } = device;
    await device.close();
    return { adapter, environment };
  };
  try {
    return await open({});
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "probe/unavailable") throw error;
    process.stderr.write(`no GPU for WebGPU here (${error.message}): a CPU plays one\n`);
    return open((await softwareAdapter()).environment);
  }
}

async function runRates({ environment }: Place): Promise<BenchReport> {
  const entry = fileURLToPath(builtUrl("main.js"));
  // For the hashes alone their ceiling is enough beside them.
  const chosen = parts.includes("rates") ? [] : ["--kernels", "hash,alu-int32"];
  const args = [entry, "bench", "--json", "--seconds", values.seconds, ...chosen];
  const text = await run(args, environment);
  return BenchReport.parse(JSON.parse(text));
}

async function runMatmul(
  { adapter, environment }: Place,
  onLine: (line: MatmulLine) => void,
): Promise<MatmulLine[]> {
  const kind = adapter.software ? "software" : "gpu";
  const fits = (side: number): boolean =>
    4 * side * side <= (adapter.limits["maxStorageBufferBindingSize"] ?? 0);
  const plan = {
    sides: sides ?? SIDES[kind].filter(fits),
    rounds: ROUNDS[kind],
    roundSeconds: Number(values.seconds) / 4,
  };
  const entry = fileURLToPath(new URL("matmul-process.ts", import.meta.url));
  const lines: MatmulLine[] = [];
  const args = ["--import", "tsx", entry, JSON.stringify(plan)];
  await run(args, environment, (text, end) => {
    const line = MatmulMessage.parse(JSON.parse(text));
    if ("done" in line) return end();
    lines.push(line);
    onLine(line);
  });
  return lines;
}

/**
 * Runs Node with the driver's environment, until it ends or `onLine` says that it has said all.
 * @throws Error where it fails, with its exit code
 */
function run(
  args: readonly string[],
  environment: Record<string, string>,
  onLine?: (line: string, end: () => void) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let all = "";
    let rest = "";
    let ended = false;
    const end = (): void => {
      ended = true;
      child.kill();
    };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      all += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      // Libraries print notices of their own.
      for (const line of lines) if (line.startsWith("{")) onLine?.(line, end);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0 || ended) resolve(all);
      else reject(new Error(`${args[0]} ended with exit code ${code}`));
    });
  });
}
