import { z } from "zod";
import { OWNER_FACTS } from "../model/owner.ts";
import { captureNames, isPathPattern } from "./glob.ts";

/* The operator's own rules and teams, as the configuration writes them. docs/attribution.md explains. */

const MAX_PATTERN = 256;
const MAX_WILDCARDS = 8;

const pattern = z
  .string()
  .min(1)
  .max(MAX_PATTERN)
  .refine((text) => text.split("*").length <= MAX_WILDCARDS + 1, {
    error: `must have ${MAX_WILDCARDS} stars at most`,
  });

const pathPattern = pattern.refine(isPathPattern, {
  error:
    "must be a path whose parts hold * and ?, or one ${name} alone, with ** as a part of its own and once at most",
});

/** What a process must be for a rule to hold: all that is given must fit. `*` and `?` as in a shell. */
const condition = z
  .strictObject({
    user: pattern.optional(),
    cgroup: pathPattern.optional(),
    environ: z.record(z.string().regex(/^\w+$/), pattern).optional(),
    comm: pattern.optional(),
    exe: pathPattern.optional(),
    /** Name of the program of a process above it. */
    ancestor: pattern.optional(),
    containerName: pattern.optional(),
    image: pattern.optional(),
    namespace: pattern.optional(),
  })
  .refine((when) => Object.keys(when).length > 0, {
    error: "needs at least one condition: a rule without one would take everything",
  });

const template = z.string().min(1).max(MAX_PATTERN);
const RULE_NAME = /^[a-z0-9][a-z0-9-]{0,47}$/;

const rule = z
  .strictObject({
    name: z.string().regex(RULE_NAME, {
      error: "must be short: lower-case letters, digits and dashes",
    }),
    when: condition,
    owner: z
      .strictObject({
        kind: z.enum(["job", "pod", "container", "unit", "user"]),
        id: template,
      })
      .optional(),
    /** Without an owner these are added, and the next rules decide. */
    facts: z.partialRecord(z.enum(OWNER_FACTS), template).optional(),
  })
  .refine(({ owner, facts }) => owner !== undefined || facts !== undefined, {
    error: "needs an owner or facts to give",
  })
  .superRefine((each, context) => {
    const known = new Set<string>([
      ...OWNER_FACTS,
      ...captureNames(each.when.cgroup ?? ""),
      ...captureNames(each.when.exe ?? ""),
    ]);
    const given = [
      { path: ["owner", "id"], text: each.owner?.id ?? "" },
      ...Object.entries(each.facts ?? {}).map(([fact, text]) => ({ path: ["facts", fact], text })),
    ];
    for (const { path, text } of given) {
      const unknown = placeholders(text).find((name) => !known.has(name));
      if (unknown === undefined) continue;
      const message = `\${${unknown}} is neither a fact nor taken out of the rule's cgroup or exe`;
      context.addIssue({ code: "custom", path, message });
    }
  });

const team = z
  .strictObject({
    when: z
      .strictObject({
        /** An owner's key: `unit:vllm.service`, `pod:research/*`. */
        owner: pattern.optional(),
        user: pattern.optional(),
        account: pattern.optional(),
        namespace: pattern.optional(),
      })
      .refine((when) => Object.keys(when).length > 0, { error: "needs at least one condition" }),
    team: z.string().min(1).max(100).optional(),
    costCentre: z
      .union([z.string().min(1).max(100), z.number()])
      .transform(String)
      .optional(),
  })
  .refine((each) => each.team !== undefined || each.costCentre !== undefined, {
    error: "needs a team or a costCentre",
  });

export const ownersSchema = z.strictObject({
  /** Before the built-in ones, in this order. */
  rules: z
    .array(rule)
    .max(200)
    .refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, {
      error: "two rules have one name",
    })
    .default([]),
  /** The first that fits an owner gives him a team and a cost centre. */
  teams: z.array(team).max(2000).default([]),
});

export type OwnerSettings = z.infer<typeof ownersSchema>;
export type CustomRule = OwnerSettings["rules"][number];
export type TeamRule = OwnerSettings["teams"][number];

/** Names in `${…}` of a template, each as often as it stands there. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(/\$\{(\w*)\}/g)].map(([, name = ""]) => name);
}
