import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What Linux has charged a process with so far: all its threads, the stand-in's calls included. */
export interface ProcessCost {
  cpuSeconds: number;
  /** Of the main thread alone. */
  mainThreadSeconds: number;
  residentMb: number;
  peakResidentMb: number;
}

/** `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

function cpuSecondsIn(statFile: string): number {
  const stat = readFileSync(statFile, "utf8");
  // The name, in parentheses, may hold blanks; what follows it begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** @throws Error where the process is gone */
export function costOf(pid: number): ProcessCost {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  // What Linux calls kB is 1024 bytes; a megabyte here is a million.
  const megabytes = (key: string): number =>
    (Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024) / 1e6;
  return {
    cpuSeconds: cpuSecondsIn(`/proc/${pid}/stat`),
    mainThreadSeconds: cpuSecondsIn(`/proc/${pid}/task/${pid}/stat`),
    residentMb: megabytes("VmRSS"),
    peakResidentMb: megabytes("VmHWM"),
  };
}

/** The built daemon as a child process: what it says goes nowhere, its errors are kept. */
export class DaemonProcess {
  readonly pid: number;
  private readonly child: ChildProcess;
  private said = "";

  constructor(configFile: string, stateDir: string) {
    const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
    const args = [main, "run", "--config", configFile, "--state-dir", stateDir];
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.resume();
    this.child.stderr?.on("data", (chunk) => (this.said += String(chunk)));
    if (this.child.pid === undefined) throw new Error("the daemon could not be started");
    this.pid = this.child.pid;
  }

  /** A figure that `/metrics` gives for the NVML source. @throws Error where nothing is served */
  async sourceFigure(name: string): Promise<number> {
    const address = /serving (http:\S+)/.exec(this.said)?.[1];
    if (address === undefined) throw new Error(`the daemon did not start:\n${this.said}`);
    const text = await (await fetch(`${address}/metrics`)).text();
    const value = new RegExp(`^${name}\\{collector="(?:nvml|nvidia)"\\} (\\S+)$`, "m").exec(
      text,
    )?.[1];
    if (value === undefined) throw new Error(`/metrics does not give ${name}`);
    return Number(value);
  }

  /** Ends it and waits for it to be gone. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await gone;
  }
}
