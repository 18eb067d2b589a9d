import type {
  GapObservation,
  NodeObservation,
  Observation,
  ProbeObservation,
} from "../../model/observation.ts";
import type {
  Ancestor,
  HostSample,
  LaunchSample,
  ProcessSample,
  ProcessSighting,
} from "../../model/sample.ts";
import { contextOf, registryOf, socketsOf } from "./who-lines.ts";
import { checked, countUnknown, entriesOf } from "./checked.ts";
import { collectorOf, healthOf, samplesOf } from "./device-lines.ts";
import { isRecord, millisecondsOf, type RawLine } from "./fields.ts";
import { gpuSampleOf } from "./gpu-line.ts";
import { plausible, PROCESS_LIMITS } from "../limits.ts";
import { type LinePlace, malformed } from "./place.ts";
import {
  gapSchema,
  gpuInfoSchema,
  hostSchema,
  kernelLaunchesSchema,
  launchesSchema,
  nodeSchema,
  probeSchema,
  processesSchema,
  processSchema,
  type RawAncestor,
  type RawProcess,
} from "./schema.ts";
import type { WarningLog } from "./warnings.ts";

/** Says what ran, for evaluation only: no observation is ever made of these. */
const EVALUATION_KINDS: ReadonlySet<string> = new Set(["truth", "phase"]);
const UNUSED_KINDS: ReadonlySet<string> = new Set(["calibration"]);

/**
 * The JSON object of one line.
 * @throws AssayError `recording/malformed`
 */
export function rawLineOf(text: string, at: LinePlace): RawLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(at, `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!isRecord(value)) throw malformed(at, "a line must be a JSON object");
  return value;
}

/**
 * The observation of a line that is not the header; undefined where the line says nothing that a
 * pipeline may see. Times become integer milliseconds; null and absent fields are both undefined.
 * @throws AssayError `recording/malformed` where a field has the wrong type
 */
export function observationOf(
  raw: RawLine,
  at: LinePlace,
  warnings: WarningLog,
): Observation | undefined {
  switch (raw["kind"]) {
    case "gpu":
      return gpuSampleOf(raw, at, warnings);
    case "processes":
      return processesOf(raw, at, warnings);
    case "host":
      return hostOf(raw, at, warnings);
    case "launches":
      return launchesOf(raw, at, warnings);
    case "sockets":
      return socketsOf(raw, at, warnings);
    case "registry":
      return registryOf(raw, at, warnings);
    case "context":
      return contextOf(raw, at, warnings);
    case "gap":
      return gapOf(raw, at, warnings);
    case "probe":
      return probeOf(raw, at, warnings);
    case "node":
      return nodeOf(raw, at, warnings);
    case "samples":
      return samplesOf(raw, at, warnings);
    case "health":
      return healthOf(raw, at, warnings);
    case "collector":
      return collectorOf(raw, at, warnings);
    case "recording":
      throw malformed(at, "a second `recording` header", "replay joined recordings one by one");
    default:
      return skip(raw["kind"], at, warnings);
  }
}

function skip(kind: unknown, at: LinePlace, warnings: WarningLog): undefined {
  if (typeof kind !== "string") throw malformed(at, "a line must have a `kind`");
  if (UNUSED_KINDS.has(kind)) warnings.add("unused-kind", kind, at);
  else if (!EVALUATION_KINDS.has(kind)) warnings.add("unknown-kind", kind, at);
}

/** The header, or a later change of the node's devices: both name the node and list its GPUs. */
export function nodeOf(raw: RawLine, at: LinePlace, warnings: WarningLog): NodeObservation {
  const gpus = entriesOf(raw["gpus"]);
  const line = checked(nodeSchema, { ...raw, gpus }, at, warnings);
  if (Array.isArray(gpus)) countUnknown("gpus", gpus, gpuInfoSchema, at, warnings);
  return {
    kind: "node",
    ...(line.t === undefined ? {} : { atMs: millisecondsOf(line.t, "t", at) }),
    node: line.node,
    source: line.source,
    simulated: line.simulated ?? false,
    intervalMs: Math.max(1, Math.round(line.intervalSeconds * 1000)),
    gpus: line.gpus.map(({ intervalSeconds, ...gpu }) =>
      intervalSeconds === undefined
        ? gpu
        : { ...gpu, intervalMs: Math.max(1, Math.round(intervalSeconds * 1000)) },
    ),
    ...(line.overhead && { overhead: line.overhead }),
  };
}

function processesOf(raw: RawLine, at: LinePlace, warnings: WarningLog): ProcessSample {
  const list = entriesOf(raw["list"]);
  const line = checked(processesSchema, { ...raw, list }, at, warnings);
  return {
    kind: "processes",
    atMs: millisecondsOf(line.t, "t", at),
    gpu: line.gpu,
    ...(line.partial && { partial: true }),
    list: sightingsOf(line.list, list, at, warnings),
  };
}

function hostOf(raw: RawLine, at: LinePlace, warnings: WarningLog): HostSample {
  const list = entriesOf(raw["list"]);
  const line = checked(hostSchema, { ...raw, list }, at, warnings);
  return {
    kind: "host",
    atMs: millisecondsOf(line.t, "t", at),
    list: sightingsOf(line.list, list, at, warnings),
  };
}

function launchesOf(raw: RawLine, at: LinePlace, warnings: WarningLog): LaunchSample {
  const list = entriesOf(raw["list"]);
  const line = checked(launchesSchema, { ...raw, list }, at, warnings);
  if (Array.isArray(list)) countUnknown("list", list, kernelLaunchesSchema, at, warnings);
  return {
    kind: "launches",
    atMs: millisecondsOf(line.t, "t", at),
    windowSeconds: line.windowSeconds,
    pid: line.pid,
    list: line.list,
    ...(line.rhythm && { rhythm: line.rhythm }),
  };
}

function sightingsOf(
  list: readonly RawProcess[],
  raw: unknown,
  at: LinePlace,
  warnings: WarningLog,
): ProcessSighting[] {
  if (Array.isArray(raw)) countUnknown("list", raw, processSchema, at, warnings);
  return list.map(({ startTime, lineage, ...process }) => {
    const sighting: ProcessSighting = process;
    if (lineage) sighting.lineage = lineage.map((each) => ancestorOf(each, at));
    if (startTime !== undefined)
      sighting.startTimeMs = millisecondsOf(startTime, "list.startTime", at);
    for (const [field, limit] of PROCESS_LIMITS) {
      const value = sighting[field];
      if (value === undefined) continue;
      const believed = plausible(limit, value);
      if (believed !== undefined) sighting[field] = believed;
      else {
        delete sighting[field];
        warnings.add("implausible-value", `list.${field}`, at);
      }
    }
    return sighting;
  });
}

function ancestorOf({ startTime, ...ancestor }: RawAncestor, at: LinePlace): Ancestor {
  if (startTime === undefined) return ancestor;
  return { ...ancestor, startTimeMs: millisecondsOf(startTime, "list.lineage.startTime", at) };
}

function gapOf(raw: RawLine, at: LinePlace, warnings: WarningLog): GapObservation {
  const { from, to, source, gpu, reason } = checked(gapSchema, raw, at, warnings);
  const fromMs = millisecondsOf(from, "from", at);
  const toMs = millisecondsOf(to, "to", at);
  if (toMs < fromMs) throw malformed(at, "a gap must not end before it begins");
  return { kind: "gap", source, ...(gpu === undefined ? {} : { gpu }), fromMs, toMs, reason };
}

function probeOf(raw: RawLine, at: LinePlace, warnings: WarningLog): ProbeObservation {
  const { t, ...line } = checked(probeSchema, raw, at, warnings);
  return { ...line, kind: "probe", atMs: millisecondsOf(t, "t", at) };
}
