import { z } from "zod";

/*
 * What workloads print: one JSON object a line. Lines of another form are somebody's chatter.
 */

const dimensions = z.array(z.number()).max(3).optional().catch(undefined);

const launchSchema = z.looseObject({
  name: z.string().optional().catch(undefined),
  grid: dimensions,
  block: dimensions,
  count: z.number().min(0).optional().catch(undefined),
  durationSeconds: z.number().min(0).optional().catch(undefined),
});

const eventSchema = z.looseObject({
  event: z.string(),
  /** Unix seconds. */
  t: z.number().positive().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  on: z.boolean().optional().catch(undefined),
  name: z.string().optional().catch(undefined),
  grid: dimensions,
  block: dimensions,
  count: z.number().min(0).optional().catch(undefined),
  seconds: z.number().positive().optional().catch(undefined),
  windowSeconds: z.number().positive().optional().catch(undefined),
  list: z.array(launchSchema).optional().catch(undefined),
  throughput: z.number().optional().catch(undefined),
  unit: z.string().optional().catch(undefined),
  peakBytes: z.number().optional().catch(undefined),
});

/** One line of a workload, with when it was heard, in Unix milliseconds. */
export type WorkloadEvent = z.infer<typeof eventSchema> & { heardMs: number };

/** What a launch was, as far as it was told. */
export type Launch = z.infer<typeof launchSchema>;

export function eventOf(line: string, heardMs: number): WorkloadEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const parsed = eventSchema.safeParse(JSON.parse(line));
    return parsed.success ? { ...parsed.data, heardMs } : undefined;
  } catch {
    return undefined;
  }
}

/** When it happened by its own word, and never later than it was heard. Unix milliseconds. */
export function happenedMs({ t, heardMs }: WorkloadEvent): number {
  return t === undefined ? heardMs : Math.min(Math.round(t * 1000), heardMs);
}
