import { z } from "zod";
import { DECIDABLE_LABELS } from "../model/label.ts";

/** What names may declare: never an accusation, and less than would decide. */
const DECLARABLE = z.enum(DECIDABLE_LABELS).exclude(["mining-like"]);
const MAX_WEIGHT = 0.6;
const MAX_CONFIRMED_WEIGHT = 4;

const group = z.strictObject({
  /** What evidence calls it. */
  name: z.string().min(1).max(64),
  /** `search`: a search for proof of work; `declares`: what such a kernel is mostly part of. */
  kind: z.enum(["search", "declares"]),
  /** One word or several that follow each other, lower case, each a whole word of a kernel's name. */
  terms: z.array(z.string().regex(/^[a-z0-9]+( [a-z0-9]+)*$/)).min(1),
  declares: z
    .strictObject({ label: DECLARABLE, weight: z.number().gt(0).max(MAX_WEIGHT) })
    .optional(),
  reason: z.string().min(1),
  date: z.iso.date(),
  source: z.string().min(1),
});

export type KernelNameGroup = z.infer<typeof group>;

/** Names of kernels as data: `data/kernel-names.json`. */
export const kernelNamesSchema = z
  .strictObject({
    version: z.string().min(1),
    reason: z.string().min(1),
    /** Log-odds that names of a search add to mining-like where something independent says so too. */
    confirmedWeight: z.number().positive().max(MAX_CONFIRMED_WEIGHT),
    groups: z.array(group).min(1),
  })
  .superRefine(({ groups }, context) => {
    const known = new Set<string>();
    for (const term of groups.flatMap(({ terms }) => terms)) {
      if (known.has(term)) context.addIssue({ code: "custom", message: `${term} stands twice` });
      known.add(term);
    }
    for (const { name, kind, declares } of groups)
      if (kind === "search" && declares)
        context.addIssue({ code: "custom", message: `${name} accuses: it declares nothing` });
  });

export type KernelNameData = z.infer<typeof kernelNamesSchema>;
