import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { builtUrl } from "../../support/built.ts";

const MAIN = fileURLToPath(builtUrl("main.js"));
const PATIENCE_MS = 25_000;

/** The simulated recording that ships with the program: 20 minutes, 2 GPUs, one incident. */
export const DEMO = fileURLToPath(
  new URL("../../../data/demo-simulated.ndjson.gz", import.meta.url),
);

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The built program as a child process. */
export class Assay {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Finished>;
  private readonly child: ChildProcess;
  private readonly listeners = new Set<() => void>();

  constructor(args: readonly string[], env: Record<string, string>) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.heard("stdout", text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => this.heard("stderr", text));
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        const { stdout, stderr } = this;
        resolve({ code, signal, stdout, stderr });
        for (const listener of this.listeners) listener();
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the stream holds `pattern`. @throws Error with all that was said, if it never does */
  async says(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    const found = await this.until(() => pattern.exec(this[stream]) ?? undefined);
    if (found) return found;
    throw new Error(`${stream} never said ${pattern}:\n${this.stdout}\n${this.stderr}`);
  }

  /** The address it serves at, as `http://127.0.0.1:4321`. */
  async address(): Promise<string> {
    const [, url = ""] = await this.says("stderr", /serving (http:\S+)/);
    return url;
  }

  private async until<T>(look: () => T | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(undefined), PATIENCE_MS);
      const finish = (value: T | undefined): void => {
        clearTimeout(timer);
        this.listeners.delete(check);
        resolve(value);
      };
      const check = (): void => {
        const value = look();
        if (value !== undefined) finish(value);
        else if (this.child.exitCode !== null || this.child.signalCode !== null) finish(undefined);
      };
      this.listeners.add(check);
      check();
    });
  }

  private heard(stream: "stdout" | "stderr", text: string): void {
    this[stream] += text;
    for (const listener of this.listeners) listener();
  }
}

/** Starts the program; it is killed when the test is over, if it still runs. */
export function start(args: readonly string[], env: Record<string, string> = {}): Assay {
  const program = new Assay(args, env);
  onTestFinished(async () => {
    program.kill("SIGKILL");
    await program.ended;
  });
  return program;
}

/** Runs the program to its end. */
export async function assay(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  return start(args, env).ended;
}

/** A new directory that is gone when the test is over. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "assay-e2e-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
