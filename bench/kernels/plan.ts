import { z } from "zod";

/** What main.ts tells the process that multiplies. */
export const MatmulPlan = z.object({
  sides: z.array(z.int().min(1)).min(1),
  rounds: z.int().min(1),
  roundSeconds: z.number().positive(),
});

const Spread = z.object({ median: z.number(), min: z.number(), max: z.number() });

/** What it answers for each size. */
export const MatmulLine = z.object({
  side: z.int(),
  rounds: z.int(),
  variant: z.record(z.string(), z.number()),
  rows: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      flopPerSecond: Spread.optional(),
      timesOurs: Spread.optional(),
      failure: z.string().optional(),
    }),
  ),
});
export type MatmulLine = z.infer<typeof MatmulLine>;

/** A size, or that there are no more. */
export const MatmulMessage = z.union([z.object({ done: z.literal(true) }), MatmulLine]);
