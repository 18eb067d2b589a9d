import { z } from "zod";
import { ownersSchema } from "../attribute/rule-schema.ts";
import { ATTRIBUTION_VARIABLES } from "../collect/processes/parse.ts";
import { LAUNCH_MODES } from "../collect/launches/collector.ts";
import { parseAllowed } from "../classify/network/egress.ts";
import { parseDuration, parseSize } from "../model/duration.ts";
import { parseNanos } from "../model/money.ts";
import { PROBE_MODES } from "../probe/schedule.ts";
import { keepSchema } from "./keep.ts";
import { registriesShape } from "./registries.ts";

const duration = (fallback: string) =>
  z
    .string()
    .refine((text) => parseDuration(text) !== undefined, {
      error: "must be a duration with a unit, such as 250ms, 10s, 5m, 2h or 7d",
    })
    .meta({ description: `A duration with a unit: ms, s, m, h or d. Default ${fallback}.` })
    .default(fallback);

/** A duration within bounds, both included. */
const between = (shortest: string, longest: string, fallback: string) =>
  duration(fallback).refine(
    (text) => {
      const ms = parseDuration(text);
      const [min = 0, max = 0] = [parseDuration(shortest), parseDuration(longest)];
      // What is no duration at all is told by the check before.
      return ms === undefined || (ms >= min && ms <= max);
    },
    { error: `must be from ${shortest} to ${longest}` },
  );

const size = z
  .string()
  .refine((text) => parseSize(text) !== undefined, {
    error: "must be a size with a unit, such as 512MiB or 20GB",
  })
  .meta({ description: "A size with a unit: B, kB, MB, GB, KiB, MiB or GiB." });

const amount = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine((text) => parseNanos(text) !== undefined, { error: "must be an amount, such as 250.00" });

/** A name of the operator's, as reports print it. */
const shownName = z.string().min(1).max(256);

const ratio = z.number().min(0).max(1);

const webhook = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, {
      error: "must be short: lower-case letters, digits and dashes",
    }),
    url: z.url({ protocol: /^https?$/ }),
    secretFile: z.string().min(1).optional(),
    secretEnv: z.string().min(1).optional(),
    allowInsecure: z.boolean().default(false),
  })
  .refine((hook) => (hook.secretFile === undefined) !== (hook.secretEnv === undefined), {
    error: "needs exactly one of secretFile and secretEnv",
  });

/** An alert rule that is on or off, and the time of its sign that opens an incident. */
const rule = (dwell: string) =>
  z.strictObject({ enabled: z.boolean().default(true), dwell: duration(dwell) }).prefault({});

const budget = z.strictObject({
  /** An owner key such as `container:3f2a9c1d5e7b`, a pattern, or `team:`, `cost-centre:`, `user:`. */
  owner: z.string().min(1).max(256),
  limit: amount,
  period: z.enum(["day", "month"]).default("month"),
});

/** A rule on a variable that nobody reads would never hold. */
const owners = ownersSchema.superRefine(({ rules }, context) => {
  for (const [at, { when }] of rules.entries())
    for (const name of Object.keys(when.environ ?? {}))
      if (!ATTRIBUTION_VARIABLES.has(name))
        context.addIssue({
          code: "custom",
          path: ["rules", at, "when", "environ", name],
          message: `is not among the variables that are read: ${[...ATTRIBUTION_VARIABLES].join(", ")}`,
        });
});

const egress = z.strictObject({
  /** An owner key, in which `*` stands for anything. */
  owner: z.string().min(1).max(256),
  allow: z.array(
    z.string().refine((text) => parseAllowed(text) !== undefined, {
      error: "must be a network (10.0.0.0/8), an address, a name (example.org) or a port (:443)",
    }),
  ),
});

export const configSchema = z
  .strictObject({
    node: z.string().min(1).optional(),
    windowLength: between("1s", "10m", "10s"),
    collect: z
      .strictObject({
        interval: between("20ms", "1m", "1s"),
        fast: z
          .strictObject({
            interval: between("20ms", "1m", "100ms"),
            hold: between("1s", "1h", "20s"),
            /** The share of time that may be sampled fast; 0 switches it off. */
            budget: ratio.default(0.1),
          })
          .prefault({}),
        procRoot: z.string().min(1).default("/proc"),
        /** Whether the drivers' process ids are those of procRoot. */
        pids: z.enum(["auto", "trusted"]).default("auto"),
        sysRoot: z.string().min(1).default("/sys"),
        nvml: z
          .strictObject({
            enabled: z.boolean().default(true),
            library: z.string().min(1).optional(),
          })
          .prefault({}),
        nvidiaSmi: z
          .strictObject({ enabled: z.boolean().default(true), path: z.string().min(1).optional() })
          .prefault({}),
        dcgm: z.strictObject({ url: z.url({ protocol: /^https?$/ }).optional() }).prefault({}),
        drm: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
        registries: z
          .strictObject({ interval: between("1s", "10m", "10s"), ...registriesShape })
          .prefault({}),
        /** The processes around those that hold a GPU, and their connections. */
        host: z
          .strictObject({
            enabled: z.boolean().default(true),
            interval: between("1s", "10m", "5s"),
            sockets: z.boolean().default(true),
          })
          .prefault({}),
        /** Kernel launches, by bpftrace: docs/launches.md. */
        launches: z
          .strictObject({
            mode: z.enum(LAUNCH_MODES).default("off"),
            window: between("100ms", "30s", "2s"),
            interval: between("10s", "1d", "1m"),
            path: z.string().min(1).optional(),
          })
          .prefault({}),
      })
      .prefault({}),
    owners: owners.prefault({}),
    probe: z
      .strictObject({
        /** A fresh daemon leaves the GPUs alone until it is told otherwise. */
        mode: z.enum(PROBE_MODES).default("off"),
        interval: between("1s", "1d", "1m"),
        /** The share of a GPU's time that probes may take; 0 is none. */
        budget: z.number().min(0).max(0.01).default(0.001),
      })
      .prefault({}),
    ledger: z
      .strictObject({
        maxSize: size.optional(),
        maxQueuedBatches: z.int().min(1).default(2000),
        keep: keepSchema.prefault({}),
      })
      .prefault({}),
    prices: z.strictObject({ file: z.string().min(1).optional() }).prefault({}),
    /** Who bills, for reports that say so: docs/reports.md. */
    billing: z
      .strictObject({
        billingAccountId: shownName.optional(),
        billingAccountName: shownName.optional(),
        provider: shownName.optional(),
        publisher: shownName.optional(),
        invoiceIssuer: shownName.optional(),
        region: shownName.optional(),
      })
      .prefault({}),
    alert: z
      .strictObject({
        mining: z
          .strictObject({
            dwell: duration("2m"),
            clear: duration("5m"),
            minConfidence: ratio.default(0.8),
          })
          .prefault({}),
        hidden: rule("5m"),
        tunnel: rule("1m"),
        network: rule("30s"),
        budgets: z
          .array(budget)
          .refine(
            (all) =>
              new Set(all.map(({ owner, period }) => `${period} ${owner}`)).size === all.length,
            { error: "an owner has two budgets for one period" },
          )
          .default([]),
        webhooks: z.array(webhook).default([]),
        timeout: duration("15s"),
      })
      .prefault({}),
    indicators: z
      .strictObject({
        /** Files that add to the lists of miners and tunnels, after those of the state directory. */
        files: z.array(z.string().min(1)).default([]),
      })
      .prefault({}),
    egress: z.array(egress).default([]),
    serve: z
      .strictObject({
        enabled: z.boolean().default(true),
        listen: z.string().default("127.0.0.1:9836"),
      })
      .prefault({}),
    context: z
      .strictObject({
        otlp: z
          .strictObject({
            /** Off: anybody on the node could send context about others. */
            enabled: z.boolean().default(false),
            tokenFile: z.string().min(1).optional(),
            tokenEnv: z.string().min(1).optional(),
          })
          .refine((otlp) => otlp.tokenFile === undefined || otlp.tokenEnv === undefined, {
            error: "takes one of tokenFile and tokenEnv",
          })
          .prefault({}),
        /** JSON lines, or a directory of them. */
        file: z.string().min(1).optional(),
      })
      .prefault({}),
    log: z
      .strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") })
      .prefault({}),
  })
  .refine(({ collect, windowLength }) => durationMs(collect.interval) <= durationMs(windowLength), {
    error: "must not be longer than windowLength",
    path: ["collect", "interval"],
  });

export type Config = z.infer<typeof configSchema>;

/** Milliseconds of a duration the schema has already checked. */
export function durationMs(text: string): number {
  return parseDuration(text) ?? 0;
}
