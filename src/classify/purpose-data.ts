import { z } from "zod";
import { DECIDABLE_LABELS } from "../model/label.ts";

/** What a program may declare. Nobody declares mining: that takes evidence (data/indicators.json). */
const DECLARABLE = z.enum(DECIDABLE_LABELS).exclude(["mining-like"]);

/** A name anybody can give to anything: it may tip a doubt and no more. */
const MAX_WEIGHT = 0.8;

/** Longer than any name that is looked for: what is longer is compared with none. */
export const MAX_NAME_LENGTH = 64;

const name = z.string().max(MAX_NAME_LENGTH);
const names = z.array(name.regex(/^[a-z0-9][a-z0-9_.+-]*$/)).min(1);

const variable = z.strictObject({
  name,
  /** The value up to its first `-`; any value where absent. */
  role: name.min(1).optional(),
});

const entry = z
  .strictObject({
    /** What evidence calls it; of this file, never of the observed process. */
    name: z.string().min(1).max(MAX_NAME_LENGTH),
    /** Base name of the program, or of the script a Python interpreter runs; lower case. */
    programs: names.optional(),
    /** Where given, the first argument of such a program that is no option must be one of them. */
    firstArguments: names.optional(),
    /** Modules a Python interpreter runs with `-m`: the module itself or one inside it. */
    modules: z
      .array(name.regex(/^[a-z0-9_.]+$/))
      .min(1)
      .optional(),
    /** What stands before `::` in a title that the program gave itself. */
    titles: z.array(name.regex(/^\w+$/)).min(1).optional(),
    /** Environment variables that such a launcher sets for its workers. */
    variables: z.array(variable).min(1).optional(),
    /** Absent for a program that runs anything and so declares nothing. */
    declares: z
      .strictObject({ label: DECLARABLE, weight: z.number().gt(0).max(MAX_WEIGHT) })
      .optional(),
    reason: z.string().min(1),
    date: z.iso.date(),
    source: z.string().min(1),
  })
  .refine((each) => each.programs ?? each.modules ?? each.titles ?? each.variables, {
    message: "an entry needs a way to be recognised",
  });

export type PurposeEntry = z.infer<typeof entry>;

/** Declared purposes as data: `data/purposes.json`. */
export const purposesSchema = z
  .strictObject({
    version: z.string().min(1),
    /** Log-odds by which all that an owner declares may at most lower an accusation. */
    maxRelief: z.number().min(0).max(0.3),
    reason: z.string().min(1),
    entries: z.array(entry).min(1),
  })
  .superRefine(({ entries }, context) => {
    const known = new Set<string>();
    for (const key of entries.flatMap((each) => keysOf(each))) {
      if (known.has(key)) context.addIssue({ code: "custom", message: `${key} stands twice` });
      known.add(key);
    }
  });

export type Purposes = z.infer<typeof purposesSchema>;

/** Everything an entry is looked up by. */
export function keysOf({ programs, modules, titles, variables }: PurposeEntry): string[] {
  return [
    ...(programs ?? []).map((each) => `program ${each}`),
    ...(modules ?? []).map((each) => `module ${each}`),
    ...(titles ?? []).map((each) => `title ${each}`),
    ...(variables ?? []).map((each) => `variable ${each.name} ${each.role ?? ""}`),
  ];
}
