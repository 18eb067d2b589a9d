/** A campaign of stand-ins: the real runner and recorder, a driver in C, workloads that only sleep. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { readAll } from "../../collect/recording/support/files.ts";
import { compileNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const MAIN = fileURLToPath(new URL("../../../bench/campaign/main.ts", import.meta.url));
const DRY = fileURLToPath(new URL("dry.mjs", import.meta.url));

/** What is on the device besides: nobody. Everything the summary shows is answered. */
const SCRIPT: NvmlScript = {
  devices: 2,
  name: "Stand-in 9000",
  "gpu0.uuid": "GPU-00000000-aaaa-bbbb-cccc-000000000000",
  "gpu1.uuid": "GPU-11111111-aaaa-bbbb-cccc-111111111111",
  util: 0,
  power: 70_000,
  field186: 70_000,
};

export interface DryPart {
  manner: string;
  label?: string;
  kind?: "python" | "cuda" | "none";
}

export interface DryWorkload {
  name: string;
  label?: string;
  labels?: string[];
  parts?: DryPart[];
  facts?: Record<string, unknown>;
}

export const dry = (name: string, manner = "good", label = "other"): DryWorkload => ({
  name,
  label,
  parts: [{ manner, label }],
});

export interface Finished {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** A folder of workloads, a driver, and where the recordings go. */
export class CampaignRig {
  readonly folder = temporaryFolder("campaign");
  readonly out = join(this.folder, "out");
  /** A line for each workload that was started: its process and its manner. */
  readonly pidFile = join(this.folder, "pids");
  /** Whether the driver sees the workloads that were started before it was opened. */
  listsItsWork = false;
  readonly #library: string;

  constructor(workloads: readonly DryWorkload[], script: NvmlScript = {}) {
    this.#library = compileNvmlStub({ script: { ...SCRIPT, ...script } });
    mkdirSync(join(this.folder, "workloads", "cuda"), { recursive: true });
    copyFileSync(DRY, join(this.folder, "workloads", "dry.mjs"));
    this.catalogue(workloads);
    writeFileSync(this.pidFile, "");
  }

  catalogue(workloads: readonly DryWorkload[]): void {
    writeCatalogue(join(this.folder, "workloads"), workloads);
  }

  /** A compiler that makes a program of a shell script, as slowly as it is told. */
  compiler(body: string): string {
    const file = join(this.folder, "nvcc");
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  source(name: string, text: string): void {
    writeFileSync(join(this.folder, "workloads", "cuda", `${name}.cu`), text);
  }

  start(...more: string[]): { child: ChildProcess; ended: Promise<Finished> } {
    const quick = [
      "--seconds=4",
      "--gap=0",
      "--patience=1",
      "--calibrate-seconds=0",
      "--minutes=9",
    ];
    const places = [
      `--out=${this.out}`,
      `--build=${join(this.folder, "built")}`,
      `--workloads=${join(this.folder, "workloads")}`,
      `--library=${this.#library}`,
      `--python=${process.execPath}`,
    ];
    return startCampaign([...quick, ...places, ...more], {
      DRY_PIDS: this.pidFile,
      ...(this.listsItsWork ? { DRY_SCRIPT: `${this.#library}.script` } : {}),
    });
  }

  async run(...more: string[]): Promise<Finished> {
    return this.start(...more).ended;
  }

  file(name: string): string {
    return join(this.out, name);
  }

  recording(name: string): string {
    return this.file(`${name}.ndjson.gz`);
  }

  /** Who was started so far. */
  get started(): { pid: number; manner: string }[] {
    return readFileSync(this.pidFile, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [pid = "", manner = ""] = line.split(" ");
        return { pid: Number(pid), manner };
      });
  }
}

export function writeCatalogue(folder: string, workloads: readonly DryWorkload[]): void {
  const all = workloads.map(({ name, label = "other", labels, parts = [], facts = {} }) => ({
    name,
    label,
    labels,
    facts,
    family: `family-of-${name}`,
    scale: 1,
    warmSeconds: 0.5,
    parts: parts.map(({ manner, label: own = label, kind = "python" }) => ({
      program: kind === "python" ? "dry.mjs" : kind === "cuda" ? manner : "",
      kind,
      arguments: kind === "python" ? [manner] : [],
      label: own,
    })),
  }));
  const file = join(folder, "catalogue.json");
  writeFileSync(file, JSON.stringify({ version: 1, workloads: all }));
}

export function startCampaign(
  args: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Finished> } {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Finished>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, ended };
}

const lineSchema = z.looseObject({ kind: z.string() });

/** Everything in a recording, evaluation lines too. */
export const rawLines = (file: string): z.infer<typeof lineSchema>[] =>
  gunzipSync(readFileSync(file))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => lineSchema.parse(JSON.parse(line)));

const truthSchema = z.looseObject({
  kind: z.literal("truth"),
  gpu: z.number(),
  from: z.number(),
  to: z.number(),
  label: z.string(),
  labels: z.array(z.string()).optional(),
  workload: z.string(),
  family: z.string(),
  pid: z.number().optional(),
});

export const truths = (file: string): z.infer<typeof truthSchema>[] =>
  rawLines(file).flatMap((line) => (line.kind === "truth" ? [truthSchema.parse(line)] : []));

/** Reads it as `assay` does: the warnings it had, and when its devices were read, in seconds. */
export async function readRecording(
  file: string,
): Promise<{ warnings: readonly unknown[]; gpus: number[]; samples: number[] }> {
  const { observations, reader } = await readAll(file);
  return {
    warnings: reader.warnings,
    gpus: observations.flatMap((each) =>
      each.kind === "node" ? each.gpus.map(({ index }) => index) : [],
    ),
    samples: observations.flatMap((each) => (each.kind === "gpu" ? [each.atMs / 1000] : [])),
  };
}
