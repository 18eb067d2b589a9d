import { spawn } from "node:child_process";
import { z } from "zod";
import { assayCommand } from "./assay.ts";
import { Failed } from "./faults.ts";

const PATIENCE_MS = 40_000;

const gpuSchema = z.looseObject({
  index: z.number(),
  uuid: z.string(),
  model: z.string(),
  memoryTotalBytes: z.number().optional(),
  powerLimitWatts: z.number().optional(),
});
const headerSchema = z.looseObject({ kind: z.literal("recording"), gpus: z.array(gpuSchema) });
const listSchema = z.looseObject({
  kind: z.literal("processes"),
  gpu: z.number(),
  list: z.array(z.looseObject({ pid: z.number() })),
});

export interface Device extends z.infer<typeof gpuSchema> {
  /** Who was on it before anything was started. */
  pids: readonly number[];
}

/**
 * The device, asked by the very recorder that will be used.
 * @throws Failed saying what is missing, where it cannot be recorded
 */
export async function findDevice(
  gpu: number,
  config: string,
  env: NodeJS.ProcessEnv,
): Promise<Device> {
  const args = ["record", "-", "--interval", "100ms", "--duration", "700ms", "--config", config];
  const { stdout, stderr, isDone } = await output(assayCommand(...args), env);
  const lines = stdout.split("\n").filter((line) => line !== "");
  if (!isDone || lines.length === 0)
    throw new Failed(`no GPU can be recorded here\n${stderr.trim()}`);
  const header = headerSchema.parse(JSON.parse(lines[0] ?? ""));
  const found = header.gpus.find(({ index }) => index === gpu);
  if (!found) {
    const there = header.gpus.map(({ index, model }) => `${index} (${model})`).join(", ");
    throw new Failed(`there is no GPU ${gpu} to record; there are ${there}`);
  }
  const lists = lines.flatMap((line) => listSchema.safeParse(JSON.parse(line)).data ?? []);
  const last = lists.findLast(({ gpu: of }) => of === gpu);
  return { ...found, pids: last?.list.map(({ pid }) => pid) ?? [] };
}

async function output(
  [program, ...args]: [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string; isDone: boolean }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: PATIENCE_MS,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", (error) => resolve({ stdout, stderr: error.message, isDone: false }));
    child.once("close", (code) => resolve({ stdout, stderr, isDone: code === 0 }));
  });
}
