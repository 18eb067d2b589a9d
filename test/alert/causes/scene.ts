import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import type { CauseQuestion } from "../../../src/alert/causes/causes.ts";
import type { KnownProcess } from "../../../src/ledger/contract.ts";
import type { Incident } from "../../../src/model/incident.ts";
import type { ContextObservation } from "../../../src/model/observation.ts";

export const START = 1_800_000_000_000;
export const at = (seconds: number): number => START + Math.round(seconds * 1000);

const pid = z.number();
const contextSchema = z.strictObject({
  id: z.string().optional(),
  from: z.number(),
  to: z.number().optional(),
  heard: z.number().optional(),
  service: z.string().optional(),
  run: z.string().optional(),
  episode: z.string().optional(),
  tool: z.string().optional(),
  arguments: z.string().optional(),
  container: z.string().optional(),
  pids: z.array(pid).optional(),
  skewMs: z.number().optional(),
});
const sceneSchema = z.strictObject({
  name: z.string(),
  owner: z.string(),
  processes: z.array(
    z.strictObject({
      pid,
      start: z.number(),
      comm: z.string(),
      gpu: z.boolean().default(false),
      lineage: z
        .array(z.strictObject({ pid, start: z.number(), comm: z.string().optional() }))
        .optional(),
    }),
  ),
  contexts: z.array(contextSchema),
  fill: z
    .strictObject({
      count: z.number(),
      episodes: z.number(),
      from: z.number(),
      to: z.number(),
      seconds: z.number(),
      container: z.string(),
    })
    .optional(),
  first: z.string().optional(),
  order: z.array(z.string()).optional(),
  never: z.array(z.string()).default([]),
  firstScoreAtLeast: z.number().optional(),
  firstScoreAtMost: z.number().optional(),
});
export type Scene = z.infer<typeof sceneSchema>;

export function scenesOf(file: string): Scene[] {
  const text = readFileSync(new URL(`scenarios/${file}`, import.meta.url), "utf8");
  const documents = parseAllDocuments(text);
  return Array.from(documents, (document) => sceneSchema.parse(document.toJSON()));
}

export const incident = (extra: Partial<Incident> = {}): Incident => ({
  id: "i-1",
  rule: "mining",
  severity: "critical",
  state: "firing",
  node: "n",
  gpuUuid: "GPU-1",
  ownerKey: "container:aaaaaaaaaaaa",
  startedAtMs: START,
  updatedAtMs: at(120),
  title: "t",
  summary: "s",
  evidence: [],
  simulated: false,
  ...extra,
});

export const context = (
  fromSeconds: number,
  toSeconds: number | undefined,
  extra: Partial<ContextObservation> = {},
): ContextObservation => ({
  kind: "context",
  atMs: at(toSeconds ?? fromSeconds),
  fromMs: at(fromSeconds),
  ...(toSeconds !== undefined && { toMs: at(toSeconds) }),
  ...extra,
});

export const process = (
  of: number,
  startSeconds: number,
  extra: Partial<KnownProcess> = {},
): KnownProcess => ({
  node: "n",
  pid: of,
  startTimeMs: at(startSeconds),
  gpuUuids: ["GPU-1"],
  ownerKey: "container:aaaaaaaaaaaa",
  firstSeenMs: at(0),
  ...extra,
});

function filler({ fill }: Scene): ContextObservation[] {
  if (!fill) return [];
  const { count, episodes, from, to, seconds, container } = fill;
  return Array.from({ length: count }, (_, i) => {
    const begin = from + ((to - from) * i) / count;
    const episode = String(20 + (i % episodes));
    const where = { container: `${container.slice(0, -1)}${i % episodes}`, service: "rollout" };
    return context(begin, begin + seconds, {
      id: `fill-${i}`,
      tool: "execute_bash",
      episode,
      ...where,
    });
  });
}

export function questionOf(scene: Scene): CauseQuestion {
  const given = scene.contexts.map(({ from, to, heard, ...rest }) => ({
    ...context(from, to, rest),
    ...(heard !== undefined && { atMs: at(heard) }),
  }));
  return {
    incident: incident({ ownerKey: scene.owner }),
    atMs: at(120),
    processes: scene.processes.map(({ pid: of, start, comm, gpu, lineage }) =>
      process(of, start, {
        comm,
        ownerKey: scene.owner,
        gpuUuids: gpu ? ["GPU-1"] : [],
        lineage: lineage?.map((each) => ({ ...each, startTimeMs: at(each.start) })),
      }),
    ),
    contexts: [...given, ...filler(scene)],
    past: [],
  };
}
