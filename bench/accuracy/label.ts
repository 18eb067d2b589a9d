import { Ownership } from "../../src/attribute/ownership.ts";
import { type LabellingOptions, recordingPipeline } from "../../src/cli/label-recording.ts";
import type { Observation } from "../../src/model/observation.ts";
import { ownerKey } from "../../src/model/owner.ts";
import type { PipelineEvent, WindowResult } from "../../src/pipeline/events.ts";
import type { KnownSaid } from "./detection.ts";
import { type Piece, type Said, overlay } from "./overlay.ts";
import type { OpenRecording } from "./open.ts";
import type { Truth } from "./truth.ts";

/** A recording's windows by one model, each with the recorded time at which it was known. */
export interface Labelled {
  provisional: KnownSaid[];
  final: KnownSaid[];
  results: WindowResult[];
}

/** The same pipeline that runs live, over what was read before. */
export function labelled(
  observations: readonly Observation[],
  options: LabellingOptions = {},
): Labelled {
  const pipeline = recordingPipeline(options);
  const found: Labelled = { provisional: [], final: [], results: [] };
  let knownAt = Number.NEGATIVE_INFINITY;
  const take = (events: readonly PipelineEvent[]): void => {
    for (const event of events) {
      if (event.kind !== "provisional" && event.kind !== "final") continue;
      found[event.kind].push({ ...saidOf(event.result), knownAt });
      if (event.kind === "final") found.results.push(event.result);
    }
  };
  for (const observation of observations) {
    if ("atMs" in observation && observation.atMs !== undefined)
      knownAt = Math.max(knownAt, observation.atMs / 1000);
    take(pipeline.push(observation));
  }
  take(pipeline.flush());
  return found;
}

export function saidOf({ gpu, window, label, confidence }: WindowResult): Said {
  return {
    gpu: gpu.index,
    from: window.fromMs / 1000,
    to: window.toMs / 1000,
    label,
    confidence,
  };
}

/**
 * What was said of single processes: the label of the slice of the owner whom the ledger puts each
 * one under.
 */
export function processPieces(
  { name, observations }: Pick<OpenRecording, "name" | "observations">,
  truths: readonly Truth[],
  results: readonly WindowResult[],
): Piece[] {
  if (truths.length === 0) return [];
  const owners = ownersByPid(observations);
  return truths.flatMap((truth) => overlay(name, [truth], slicesOf(truth, owners, results)));
}

function slicesOf(
  truth: Truth,
  owners: ReadonlyMap<number, ReadonlySet<string>>,
  results: readonly WindowResult[],
): Said[] {
  const keys = truth.pid === undefined ? undefined : owners.get(truth.pid);
  if (!keys) return [];
  return results.flatMap((result) => {
    const own = result.slices.filter(({ owner }) => keys.has(ownerKey(owner)));
    const [longest] = own.toSorted((a, b) => b.timeMs - a.timeMs);
    if (!longest || result.gpu.index !== truth.gpu) return [];
    return [{ ...saidOf(result), label: longest.label, confidence: longest.confidence }];
  });
}

function ownersByPid(observations: readonly Observation[]): Map<number, Set<string>> {
  const owners = new Map<number, Set<string>>();
  const ownership = new Ownership();
  for (const observation of observations) {
    ownership.observe(observation);
    if (observation.kind !== "processes") continue;
    for (const process of observation.list) {
      const known = owners.get(process.pid) ?? new Set<string>();
      owners.set(process.pid, known.add(ownerKey(ownership.identityOf(process).owner)));
    }
  }
  return owners;
}
