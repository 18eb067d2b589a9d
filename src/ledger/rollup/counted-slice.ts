import { z } from "zod";
import { absent } from "../row.ts";

/** A slice as it counts: see `COUNTED` in slice-sql.ts. */
export const countedSlice = z.object({
  sequence: z.int(),
  gpuId: z.int(),
  gpuUuid: z.string(),
  fromMs: z.int(),
  toMs: z.int(),
  ownerId: z.int(),
  labelId: z.int(),
  simulated: z.int(),
  timeMs: z.int(),
  energyMj: absent(z.int()),
  idleEnergyMj: absent(z.int()),
  confidence: z.number(),
});

export type CountedSlice = z.infer<typeof countedSlice>;
