/** The catalogue of workloads, read as strictly as a program that runs it should. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";

export const folder = fileURLToPath(new URL("../../../bench/workloads", import.meta.url));

const Label = z.enum(["idle", "training-like", "inference-like", "mining-like", "other"]);
const Name = z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/);
const Part = z.strictObject({
  program: z.string(),
  kind: z.enum(["python", "cuda", "none"]),
  arguments: z.array(z.string()),
  label: Label,
  library: z.string().optional(),
});
const Workload = z.strictObject({
  name: Name,
  family: Name,
  label: Label,
  labels: z.array(Label).min(1).optional(),
  parts: z.array(Part).min(1),
  scale: z.number().positive(),
  warmSeconds: z.number().positive(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
  needsMemoryGb: z.number().positive().optional(),
});
const Catalogue = z.strictObject({ version: z.literal(1), workloads: z.array(Workload) });
export type Workload = z.infer<typeof Workload>;

export const catalogue = (): z.infer<typeof Catalogue> =>
  Catalogue.parse(JSON.parse(readFileSync(`${folder}/catalogue.json`, "utf8")));

/** Whether a program is on the PATH and answers. */
export const answers = (program: string, ...words: string[]): boolean =>
  spawnSync(program, words, { timeout: 60_000 }).status === 0;

/** Standard output of a program that must succeed. */
export function outputOf(program: string, words: string[], options: { cwd?: string } = {}): string {
  const done = spawnSync(program, words, { encoding: "utf8", timeout: 300_000, ...options });
  if (done.status !== 0)
    throw new Error(`${program} ${words.join(" ")}: ${done.stderr || String(done.error)}`);
  return done.stdout;
}
