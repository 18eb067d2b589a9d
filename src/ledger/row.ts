import { z } from "zod";
import { ownerKey, parseOwnerKey } from "../model/owner.ts";
import { ownerSchema } from "./who-records.ts";

/** A column that is NULL where there is nothing to say. */
export const absent = <T>(type: z.ZodType<T>) =>
  type.nullable().transform((value) => value ?? undefined);

/** SQLite has no booleans. */
export const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1);

/** A column of JSON. */
export const json = <T>(type: z.ZodType<T>) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(type);

/** The key as it is stored: an owner's name may have been cut on its way in. */
export function ownerKeyFilter(key: string): string {
  const owner = parseOwnerKey(key);
  return owner ? ownerKey(ownerSchema.parse(owner)) : key;
}
