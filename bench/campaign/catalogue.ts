import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LABELS } from "../../src/model/label.ts";
import { UsageError } from "./faults.ts";

const label = z.enum(LABELS);

const partSchema = z.object({
  /** A file of the workloads' folder; of a CUDA program without its ending. */
  program: z.string().regex(/^[\w.+-]*$/),
  kind: z.enum(["python", "cuda", "none"]),
  arguments: z.array(z.string()),
  label,
  /** A CUDA program to be built as a shared library and handed over with `--library`. */
  library: z
    .string()
    .regex(/^[\w.+-]+$/)
    .optional(),
});

const workloadSchema = z
  .object({
    // It becomes the name of a file.
    name: z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/),
    /** What leave-one-out leaves out together. */
    family: z.string().min(1),
    /** Of the device's windows; the rogue one where two things run at once. */
    label,
    labels: z.array(label).optional(),
    parts: z.array(partSchema).min(1),
    /** Times the seconds that are asked for. */
    scale: z.number().positive(),
    /** Expected time until it is warm: for planning only. */
    warmSeconds: z.number().min(0),
    /** Told with the truth. */
    facts: z.record(z.string(), z.unknown()).default({}),
    needsMemoryGb: z.number().min(0).optional(),
  })
  .refine(({ parts }) => parts.length === 1 || parts.every(({ kind }) => kind !== "none"), {
    error: "a part without a program can only stand alone",
  });

const catalogueSchema = z
  .object({ version: z.literal(1), workloads: z.array(workloadSchema).min(1) })
  .refine(({ workloads }) => new Set(workloads.map(({ name }) => name)).size === workloads.length, {
    error: "two workloads have one name",
  });

export type Part = z.infer<typeof partSchema>;
export type Workload = z.infer<typeof workloadSchema>;

/** All workloads in order of worth. @throws UsageError where there is no catalogue to be read */
export function readCatalogue(folder: string): Workload[] {
  const file = join(folder, "catalogue.json");
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new UsageError(`${file} cannot be read: ${String(cause)}`);
  }
  const parsed = catalogueSchema.safeParse(json);
  if (parsed.success) return parsed.data.workloads;
  throw new UsageError(`${file} is no catalogue of workloads:\n${z.prettifyError(parsed.error)}`);
}

/**
 * Those of `only` in its order, or all; without those of `skip`.
 * @throws UsageError for a name that nothing has
 */
export function choose(
  all: readonly Workload[],
  { only, skip }: { only: readonly string[]; skip: readonly string[] },
): Workload[] {
  const known = new Map(all.map((workload) => [workload.name, workload]));
  const unknown = [...only, ...skip].filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new UsageError(
      `no workload is called ${unknown.join(", ")}; --list shows those there are`,
    );
  const wanted = only.length > 0 ? new Set(only) : known.keys();
  return [...wanted].flatMap((name) => (skip.includes(name) ? [] : (known.get(name) ?? [])));
}
