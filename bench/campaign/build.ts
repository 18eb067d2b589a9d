import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Failed } from "./faults.ts";

const PATIENCE_MS = 300_000;
/** The GPU that is here; else what the compiler takes by itself. */
const ARCHITECTURES = [["-arch=native"], []];
const AS_LIBRARY = ["-DAS_LIBRARY", "-shared", "-Xcompiler", "-fPIC"];

export interface BuilderSettings {
  nvcc: string;
  /** Where the `.cu` files and their headers are. */
  sources: string;
  /** Where the programs go: a folder for each kind of GPU. */
  folder: string;
  jobs: number;
  env: NodeJS.ProcessEnv;
}

/** Compiles CUDA programs in the background, in the order they are asked for. */
export class Builder {
  readonly #settings: BuilderSettings;
  readonly #jobs = new Map<string, Promise<string>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(settings: BuilderSettings) {
    this.#settings = settings;
    mkdirSync(settings.folder, { recursive: true });
  }

  /** The path of a program, or of a shared library, once it is there. Asked twice it is built once. */
  get(name: string, isLibrary = false): Promise<string> {
    const key = isLibrary ? `${name}.so` : name;
    const known = this.#jobs.get(key);
    if (known) return known;
    const job = this.#inTurn(() => this.#build(name, isLibrary));
    // Whoever waits for it gets the error; it may be that nobody does.
    job.catch(() => undefined);
    this.#jobs.set(key, job);
    return job;
  }

  async #inTurn(work: () => Promise<string>): Promise<string> {
    if (this.#running >= this.#settings.jobs)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #build(name: string, isLibrary: boolean): Promise<string> {
    const { sources, folder, nvcc, env } = this.#settings;
    const source = join(sources, `${name}.cu`);
    if (!existsSync(source)) throw new Failed(`${name}.cu is not in ${sources}`);
    const target = join(folder, isLibrary ? `${name}.so` : name);
    if (isNewer(target, source, sources)) return target;
    // Under another name first: a compiler that is killed must leave nothing that looks built.
    const unfinished = `${target}.${process.pid}.new`;
    let said = "";
    for (const architecture of ARCHITECTURES) {
      const more = isLibrary ? AS_LIBRARY : [];
      const args = ["-O3", "-std=c++17", ...architecture, ...more, "-o", unfinished, source];
      const { isDone, output } = await compile(nvcc, args, env);
      said = output;
      if (!isDone) continue;
      renameSync(unfinished, target);
      return target;
    }
    rmSync(unfinished, { force: true });
    throw new Failed(`${nvcc} ${name}.cu: ${said.trim().slice(-300)}`);
  }
}

function isNewer(target: string, source: string, sources: string): boolean {
  const built = statSync(target, { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  const headers = readdirSync(sources).filter((name) => /\.(h|cuh)$/.test(name));
  const parts = [source, ...headers.map((name) => join(sources, name))];
  return parts.every((part) => statSync(part).mtimeMs < built);
}

async function compile(
  nvcc: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ isDone: boolean; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(nvcc, args, {
      env,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: PATIENCE_MS,
    });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-4000);
    });
    child.once("error", (error) => resolve({ isDone: false, output: error.message }));
    child.once("close", (code, signal) =>
      resolve({ isDone: code === 0, output: signal === null ? output : `${signal} ${output}` }),
    );
  });
}
