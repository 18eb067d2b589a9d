import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { tracingAbility } from "../../src/collect/launches/ability.ts";
import { haveCompiler } from "./nvml-stub.ts";
import { temporaryFolder } from "./temporary.ts";

const SOURCES = fileURLToPath(new URL("../collect/launches/", import.meta.url));

export interface StandIn {
  folder: string;
  program: string;
  driver: string;
  runtime: string;
  opencl: string;
}

let compiled: StandIn | undefined;

/** The libraries and the program that stand in for a GPU's, compiled once for each file of tests. */
export function standIn(): StandIn {
  compiled ??= compileStandIn(temporaryFolder("launches"));
  return compiled;
}

export function compileStandIn(folder: string): StandIn {
  const shared = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"];
  const compile = (name: string, source: string, flags: readonly string[]): string => {
    const path = join(folder, name);
    execFileSync("cc", [...flags, "-o", path, join(SOURCES, source), "-ldl"]);
    return path;
  };
  return {
    folder,
    driver: compile("libcuda.so.1", "stand-in-driver.c", shared),
    runtime: compile("libcudart.so.12", "stand-in-runtime.c", shared),
    opencl: compile("libOpenCL.so.1", "stand-in-opencl.c", shared),
    program: compile("program", "stand-in-program.c", ["-O1", "-Wall", "-Wextra", "-rdynamic"]),
  };
}

/**
 * The driver's stand-in with functions that begin as most do, by putting a register on the stack:
 * the kernel imitates that instruction, and has to step through others, which costs far more.
 */
export function compileFramedDriver(folder: string): string {
  const path = join(folder, "framed", "libcuda.so.1");
  mkdirSync(dirname(path), { recursive: true });
  const plain = process.arch === "x64" ? ["-fcf-protection=none"] : [];
  const source = join(SOURCES, "stand-in-driver.c");
  execFileSync("cc", ["-shared", "-fPIC", "-O0", ...plain, "-o", path, source]);
  return path;
}

/** A runtime that reaches the driver by a way of its own. */
export function compileBypassingRuntime(): string {
  const path = join(temporaryFolder("bypass"), "libcudart-d0da41ae.so.11.0");
  const flags = ["-shared", "-fPIC", "-O1", "-DBYPASS"];
  execFileSync("cc", [...flags, "-o", path, join(SOURCES, "stand-in-runtime.c")]);
  return path;
}

/** The driver's stand-in again, under a path of the caller's choice. */
export function copyOfDriver(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(standIn().driver, path);
  return path;
}

export interface RunningProgram {
  pid: number;
  child: ChildProcess;
  /** What it printed after its pid. */
  lines: string[];
}

export interface ProgramOptions {
  rounds?: number;
  pauseUs?: number;
  name?: string;
  libraries: Readonly<Record<string, string>>;
  /** Put before the program: `unshare`, `-m`, … */
  within?: readonly string[];
}

/** Starts the program; resolves when it has loaded its libraries. It is killed after the test. */
export async function startProgram(mode: string, options: ProgramOptions): Promise<RunningProgram> {
  const { rounds = 0, pauseUs = 1000, name, libraries, within = [] } = options;
  const args = [mode, String(rounds), String(pauseUs), ...(name === undefined ? [] : [name])];
  const [command = "", ...rest] = [...within, standIn().program, ...args];
  const env = { PATH: process.env["PATH"] ?? "", ...libraries };
  const child = spawn(command, rest, { env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  const pid = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      const whole = (text + chunk).split("\n");
      text = whole.pop() ?? "";
      lines.push(...whole);
      if (lines[0] !== undefined) resolve(Number(lines[0]));
    });
    child.once("exit", () => reject(new Error("the program ended before it began")));
  });
  return { pid, child, lines };
}

const ability = haveCompiler()
  ? await tracingAbility({
      procRoot: "/proc",
      pids: "trusted",
      searchPath: process.env["PATH"] ?? "",
    })
  : undefined;

/** Where bpftrace is, with a compiler, and rights enough to trace; undefined where tests must skip. */
export const BPFTRACE = ability?.can ? ability.path : undefined;
export const canUnshare = BPFTRACE !== undefined && existsSync("/usr/bin/unshare");
