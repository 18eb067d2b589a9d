/**
 * Measures how fast the program is and what it costs. Nothing here asserts a figure: a shared
 * machine is no place for that. Usage: npm run bench -- [--only label|replay|daemon|latency|collect|memory|devices|host|launches|ledger] [--slices N] [--json]
 */
import { parseArgs } from "node:util";
import { haveCompiler } from "../test/support/nvml-stub.ts";
import { type CollectResult, measureCollect } from "./collect/measure.ts";
import { measureMemory, type MemoryResult } from "./collect/memory.ts";
import { collectText, memoryText } from "./collect/print.ts";
import { compareDevices, type CompareResult } from "./devices/compare.ts";
import { compareText } from "./devices/print.ts";
import { hostText } from "./host/print.ts";
import { type HostResult, measureHost } from "./host/scan.ts";
import { type DaemonResult, measureDaemon } from "./daemon.ts";
import { type LabelRow, measureLabels } from "./label.ts";
import { launchesText } from "./host/launches-text.ts";
import { type LaunchesResult, measureLaunches } from "./host/launches.ts";
import { type LedgerResult, ledgerText, measureLedger } from "./ledger/measure.ts";
import { type LatencyResult, measureLatency } from "./latency.ts";
import { type Machine, machine } from "./machine.ts";
import { daemonText, labelText, latencyText, machineText, replayText } from "./print.ts";
import { measureReplay, type ReplayResult } from "./replay.ts";

interface Report {
  machine: Machine;
  latency?: LatencyResult[];
  label?: LabelRow[];
  replay?: ReplayResult;
  daemon?: DaemonResult[];
  collect?: CollectResult;
  memory?: MemoryResult;
  devices?: CompareResult | string;
  host?: HostResult;
  launches?: LaunchesResult;
  ledger?: LedgerResult[];
}

const PARTS = [
  "latency",
  "label",
  "replay",
  "daemon",
  "collect",
  "memory",
  "devices",
  "host",
  "launches",
  "ledger",
] as const;
type Part = (typeof PARTS)[number];
const RATES_HZ = [1, 10];
/** A sixth of a month of one node, and a month. */
const LEDGER_SLICES = [1_000_000, 6_000_000];

const { values } = parseArgs({
  options: { only: { type: "string" }, json: { type: "boolean" }, slices: { type: "string" } },
});
const chosen = PARTS.filter((part) => values.only === undefined || values.only === part);
if (chosen.length === 0) {
  process.stderr.write(`--only takes one of ${PARTS.join(", ")}\n`);
  process.exitCode = 2;
} else await main(chosen, values.json ?? false);

/** One part after the other, so that none disturbs another. */
async function main(parts: readonly Part[], json: boolean): Promise<void> {
  const say = (text: string): void => void (json || process.stdout.write(text));
  const report: Report = { machine: machine() };
  say(machineText(report.machine));
  if (parts.includes("latency")) {
    report.latency = await atEachRate(measureLatency);
    say(latencyText(report.latency));
  }
  if (parts.includes("label")) {
    report.label = await measureLabels();
    say(labelText(report.label));
  }
  if (parts.includes("replay")) {
    report.replay = await measureReplay();
    say(replayText(report.replay));
  }
  if (parts.includes("daemon")) {
    if (canCompile("daemon")) {
      report.daemon = await atEachRate(measureDaemon);
      say(daemonText(report.daemon));
    }
  }
  if (parts.includes("collect") && canCompile("collect")) {
    report.collect = await measureCollect();
    say(collectText(report.collect));
  }
  if (parts.includes("memory")) {
    report.memory = await measureMemory();
    say(memoryText(report.memory));
  }
  if (parts.includes("devices")) {
    report.devices = await compareDevices();
    say(compareText(report.devices));
  }
  if (parts.includes("host") && canCompile("host")) {
    report.host = await measureHost();
    say(hostText(report.host));
  }
  if (parts.includes("launches") && canCompile("launches")) {
    const measured = await measureLaunches();
    if (measured) {
      report.launches = measured;
      say(launchesText(measured));
    }
  }
  if (parts.includes("ledger")) {
    report.ledger = [];
    for (const slices of values.slices === undefined ? LEDGER_SLICES : [Number(values.slices)])
      report.ledger.push(await measureLedger(slices));
    say(ledgerText(report.ledger));
  }
  if (json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
}

function canCompile(part: Part): boolean {
  if (haveCompiler()) return true;
  process.stderr.write(`${part}: left out, its stand-in needs a C compiler (cc)\n`);
  return false;
}

async function atEachRate<T>(measure: (hz: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (const hz of RATES_HZ) results.push(await measure(hz));
  return results;
}
