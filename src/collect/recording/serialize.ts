import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { Ancestor, GpuInfo, ProcessSighting } from "../../model/sample.ts";
import { FORMAT_VERSION } from "./header.ts";

/*
 * The way back: what `parse.ts` makes of these lines equals what went in. `JSON.stringify` leaves
 * undefined fields out, so "not measured" stays unwritten.
 */

/** The first line of a recording, without a line end. */
export function headerLineOf(node: NodeObservation): string {
  return JSON.stringify({ kind: "recording", version: FORMAT_VERSION, ...nodeFields(node) });
}

/** Any later line, without a line end; undefined for a tick, which a replay makes anew. */
export function lineOf(observation: Observation): string | undefined {
  switch (observation.kind) {
    case "tick":
      return undefined;
    case "node":
      return JSON.stringify({ kind: "node", ...nodeFields(observation) });
    case "gap": {
      const { fromMs, toMs, reason, ...fields } = observation;
      return JSON.stringify({ ...fields, from: fromMs / 1000, to: toMs / 1000, reason });
    }
    case "processes": {
      const { kind, atMs, gpu, partial, list } = observation;
      return JSON.stringify({ kind, t: atMs / 1000, gpu, partial, list: list.map(processFields) });
    }
    case "host": {
      const { kind, atMs, list } = observation;
      return JSON.stringify({ kind, t: atMs / 1000, list: list.map(processFields) });
    }
    case "sockets": {
      const { kind, atMs, list } = observation;
      const sockets = list.map(({ firstSeenMs, ...socket }) => ({
        ...socket,
        firstSeen: firstSeenMs === undefined ? undefined : firstSeenMs / 1000,
      }));
      return JSON.stringify({ kind, t: atMs / 1000, list: sockets });
    }
    case "context": {
      const { kind, atMs, fromMs, toMs, ...fields } = observation;
      const to = toMs === undefined ? undefined : toMs / 1000;
      return JSON.stringify({ kind, t: atMs / 1000, from: fromMs / 1000, to, ...fields });
    }
    case "samples": {
      const { kind, atMs, fromMs, ...fields } = observation;
      return JSON.stringify({ kind, t: atMs / 1000, from: fromMs / 1000, ...fields });
    }
    default: {
      const { kind, atMs, ...fields } = observation;
      return JSON.stringify({ kind, t: atMs / 1000, ...fields });
    }
  }
}

function nodeFields(of: NodeObservation): object {
  const { atMs, node, source, simulated, intervalMs, gpus, overhead } = of;
  return {
    t: atMs === undefined ? undefined : atMs / 1000,
    node,
    source,
    simulated: simulated || undefined,
    intervalSeconds: intervalMs / 1000,
    gpus: gpus.map(gpuFields),
    overhead,
  };
}

function gpuFields({ intervalMs, ...fields }: GpuInfo): object {
  return intervalMs === undefined ? fields : { ...fields, intervalSeconds: intervalMs / 1000 };
}

function processFields({ startTimeMs, lineage, ...fields }: ProcessSighting): object {
  const { pid, ppid, ...rest } = fields;
  const startTime = startTimeMs === undefined ? undefined : startTimeMs / 1000;
  return { pid, ppid, startTime, ...rest, lineage: lineage?.map(ancestorFields) };
}

function ancestorFields({ startTimeMs, ...fields }: Ancestor): object {
  return startTimeMs === undefined ? fields : { ...fields, startTime: startTimeMs / 1000 };
}
