import { z } from "zod";
import type { Cause, IncidentUsage } from "../model/incident.ts";
import type { ContextObservation, RunContext } from "../model/observation.ts";
import { OWNER_FACTS, OWNER_KINDS, type OwnerFacts } from "../model/owner.ts";
import type { Ancestor } from "../model/sample.ts";
import { bounded } from "./bounded.ts";
import type { KnownOwner, KnownProcess } from "./contract.ts";

/*
 * What the ledger accepts of owners, processes and runs: see records.ts. All strings here may be the
 * observed user's own words, so they are cut, never a reason to refuse a batch.
 */
const MAX_NAME = 256;
const MAX_PROSE = 2048;
const MAX_LIST = 64;

const name = z.string().transform((value) => bounded(value, MAX_NAME));
const prose = z.string().transform((value) => bounded(value, MAX_PROSE));
const timeMs = z.int();
const pid = z.int().min(0);
const few = <T>(item: z.ZodType<T>) =>
  z.array(item).transform((list): readonly T[] => list.slice(0, MAX_LIST));

/** The owner key is bounded as a whole, for queries by key to find it. */
export const ownerSchema = z.object({
  kind: z.enum(OWNER_KINDS),
  id: z.string().transform((id) => bounded(id, MAX_NAME)),
});

const facts: z.ZodType<OwnerFacts> = z.partialRecord(z.enum(OWNER_FACTS), name);

export const knownOwnerSchema: z.ZodType<KnownOwner> = z.object({
  node: name,
  key: prose,
  atMs: timeMs,
  owner: ownerSchema,
  rule: name,
  reason: prose,
  proven: facts,
  declared: facts,
  conflicts: few(prose),
});

const ancestorSchema: z.ZodType<Ancestor> = z.object({
  pid,
  startTimeMs: timeMs.optional(),
  comm: name.optional(),
  exe: prose.optional(),
  title: name.optional(),
  user: name.optional(),
});

export const knownProcessSchema: z.ZodType<KnownProcess> = z.object({
  node: name,
  pid,
  startTimeMs: timeMs.optional(),
  gpuUuids: few(name),
  ownerKey: prose,
  ppid: pid.optional(),
  comm: name.optional(),
  exe: prose.optional(),
  command: prose.optional(),
  user: name.optional(),
  lineage: few(ancestorSchema).optional(),
  firstSeenMs: timeMs,
});

const context = {
  fromMs: timeMs,
  toMs: timeMs.optional(),
  service: name.optional(),
  agent: name.optional(),
  run: name.optional(),
  episode: name.optional(),
  session: name.optional(),
  tool: name.optional(),
  arguments: prose.optional(),
  container: name.optional(),
  image: name.optional(),
  host: name.optional(),
  pids: few(pid).optional(),
  id: name.optional(),
  skewMs: z.number().optional(),
};

const contextSchema: z.ZodType<RunContext> = z.object(context);

export const contextObservationSchema: z.ZodType<ContextObservation> = z.object({
  ...context,
  kind: z.literal("context"),
  atMs: timeMs,
});

export const causeSchema: z.ZodType<Cause> = z.object({
  context: contextSchema,
  score: z.number().min(0).max(1),
  reasons: few(prose),
});

export const usageSchema: z.ZodType<IncidentUsage> = z.object({
  untilMs: timeMs,
  gpuMs: z.int().min(0),
  energyMj: z.int().min(0).optional(),
  energyUnmeasuredMs: z.int().min(0),
});
