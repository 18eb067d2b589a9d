import { z } from "zod";
import type { RegistryEntry } from "../../../model/sample.ts";
import { bounded } from "../labels.ts";

/* Files that a scheduler's prolog writes: the name says which GPU, the content whose it is. Pure. */

export type Job = NonNullable<RegistryEntry["job"]>;

/** What of a file could be read, and what was wrong with the rest. */
export interface ParsedJobs {
  jobs: Job[];
  faults: string[];
}

const MAX_JOBS = 64;
/** `4711`, `4711_3`, `4711+0`, `123.pbs-1`, `77[4]`. */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._+@[\]-]{0,63}$/;
const MAX_UID = 2 ** 32 - 2;
const INDEX = /^\d{1,3}(?:\.\d{1,3})?$/;
const UUID = /^[A-Za-z]{2,8}-[0-9A-Za-z:.-]{4,96}$/;

const label = z
  .string()
  .optional()
  .transform((text) => (text ? bounded(text) : undefined));
const jobSchema = z.object({
  job: z.union([z.string(), z.int()]).transform(String).pipe(z.string().regex(JOB_ID)),
  scheduler: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .optional(),
  user: label,
  uid: z.int().min(0).max(MAX_UID).optional(),
  account: label,
  partition: label,
  name: label,
});

/** The GPU that a file is named after: an index, `gpu.instance` of a slice, or a uuid. */
export function gpuOfFileName(name: string): string | undefined {
  return INDEX.test(name) || UUID.test(name) ? name : undefined;
}

/**
 * The jobs of a file. Three forms are read: one JSON object or a list of them; one a line; and lines
 * of a job's id, with or without its user's number behind it.
 * @param scheduler of jobs that do not say theirs
 */
export function parseJobs(text: string, scheduler: string): ParsedJobs {
  const whole = /^\s*[{[]/.test(text) ? json(text) : undefined;
  const items: unknown[] =
    whole === undefined ? linesOf(text) : Array.isArray(whole) ? whole : [whole];
  const jobs: Job[] = [];
  const faults: string[] = [];
  for (const item of items.slice(0, MAX_JOBS)) {
    const job = typeof item === "string" ? jobOfLine(item, scheduler) : jobOf(item, scheduler);
    if (job) jobs.push(job);
    else faults.push("what is no job");
  }
  if (items.length > MAX_JOBS) faults.push(`more than ${MAX_JOBS} jobs`);
  return { jobs, faults };
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function jobOfLine(line: string, scheduler: string): Job | undefined {
  if (line.startsWith("{")) return jobOf(json(line), scheduler);
  const [job, uid, ...more] = line.split(/[ \t]+/);
  if (more.length > 0 || (uid !== undefined && !/^\d{1,10}$/.test(uid))) return undefined;
  return jobOf({ job, ...(uid !== undefined && { uid: Number(uid) }) }, scheduler);
}

function jobOf(value: unknown, scheduler: string): Job | undefined {
  const parsed = jobSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { job: id, user, uid, account, partition, name } = parsed.data;
  return {
    scheduler: parsed.data.scheduler ?? scheduler,
    id,
    ...(user !== undefined && { user }),
    ...(uid !== undefined && { uid }),
    ...(account !== undefined && { account }),
    ...(partition !== undefined && { partition }),
    ...(name !== undefined && { name }),
  };
}

/** Undefined where it is none. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
