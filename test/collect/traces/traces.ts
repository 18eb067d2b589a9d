import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { type ReadTrace, type TraceOptions } from "../../../src/collect/traces/kineto.ts";
import { readTrace } from "../../../src/collect/traces/read.ts";
import { KernelTimeline } from "../../../src/collect/traces/timeline.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { temporaryFolder } from "../../support/temporary.ts";

/* Traces as the profilers write them: by what they document, since none of theirs is at hand. */

/** 2026-01-05T09:00:00Z in nanoseconds. */
export const BASE_NS = 1_767_603_600_000_000_000;
export const BASE_MS = BASE_NS / 1e6;

export function tracePath(name: string): string {
  return join(temporaryFolder("trace"), name);
}

interface KernelOptions {
  name?: string;
  us: number;
  durUs?: number;
  device?: number;
  stream?: number;
}

/** A kernel as the profiler of PyTorch 2 writes it: `pid` is the device there, `tid` the stream. */
export function kernel({ name = "k", us, durUs = 100, device = 0, stream = 7 }: KernelOptions) {
  return {
    ph: "X",
    cat: "kernel",
    name,
    pid: device,
    tid: stream,
    ts: us,
    dur: durUs,
    args: {
      "External id": 5,
      device,
      context: 1,
      stream,
      correlation: 9,
      "registers per thread": 32,
      "blocks per SM": 1.5,
      grid: [128, 2, 1],
      block: [256, 1, 1],
    },
  };
}

export function hostOp(us: number, pid = 4242) {
  return { ph: "X", cat: "cpu_op", name: "aten::mm", pid, tid: pid, ts: us, dur: 5, args: {} };
}

export function memcpy(us: number) {
  const args = { device: 0, stream: 7, bytes: 4096 };
  return { ph: "X", cat: "gpu_memcpy", name: "Memcpy HtoD", pid: 0, tid: 7, ts: us, dur: 50, args };
}

export function kinetoText(events: readonly unknown[], more: object = {}): string {
  return JSON.stringify({
    schemaVersion: 1,
    deviceProperties: [{ id: 0, name: "Example GPU", totalGlobalMem: 85899345920, numSms: 132 }],
    cuda_runtime_version: 12040,
    displayTimeUnit: "ms",
    baseTimeNanoseconds: BASE_NS,
    ...more,
    traceEvents: events,
    traceName: "trace.json",
  });
}

export function writeKineto(events: readonly unknown[], more: object = {}): string {
  const path = tracePath("trace.json");
  writeFileSync(path, kinetoText(events, more));
  return path;
}

export function writeGzip(text: string, cutBytes = 0): string {
  const path = tracePath("trace.json.gz");
  const packed = gzipSync(text);
  writeFileSync(path, packed.subarray(0, packed.length - cutBytes));
  return path;
}

/** The tables of an Nsight Systems export that are read, as its documentation lists them. */
export const NSIGHT_TABLES = `
  CREATE TABLE StringIds (id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER NOT NULL, end INTEGER NOT NULL,
    deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL,
    correlationId INTEGER, globalPid INTEGER, demangledName INTEGER NOT NULL,
    shortName INTEGER NOT NULL, mangledName INTEGER, gridX INTEGER NOT NULL, gridY INTEGER NOT NULL,
    gridZ INTEGER NOT NULL, blockX INTEGER NOT NULL, blockY INTEGER NOT NULL, blockZ INTEGER NOT NULL);
  CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs INTEGER, utcTime TEXT, localTime TEXT);
  CREATE TABLE TARGET_INFO_GPU (id INTEGER NOT NULL, name TEXT, totalMemory INTEGER, cuDevice INTEGER);
  CREATE TABLE TARGET_INFO_SYSTEM_ENV (globalVid INTEGER, devStateName TEXT, name TEXT, nameEnum TEXT, value TEXT);
  INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (${BASE_NS}, '', '');
  INSERT INTO TARGET_INFO_GPU VALUES (0, 'Example GPU', 85899345920, 0);
  INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES (0, 'x', 'Hostname', '', 'gpu-node-17');
  INSERT INTO StringIds VALUES (1, 'void gemm<float>(float*)'), (2, 'gemm'), (3, '_Z4gemmIfEvPf');`;

export function globalPid(pid: number): bigint {
  return (0x11n << 56n) | (BigInt(pid) << 24n);
}

/** One row of a kernel; a name of 99 is of no string. */
export function nsightKernel(
  startNs: number,
  endNs: number,
  { pid = 4242, gpu = 0, name = 1 }: { pid?: number; gpu?: number; name?: number } = {},
): string {
  return `INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (${startNs}, ${endNs}, ${gpu}, 1, 7, 1,
    ${globalPid(pid)}, ${name}, 2, 3, 128, 2, 1, 256, 1, 1);`;
}

export function writeNsight(sql: string, tables: string = NSIGHT_TABLES): string {
  const path = tracePath("report.sqlite");
  const database = new Database(path);
  database.exec(`BEGIN; ${tables} ${sql} COMMIT;`);
  database.close();
  return path;
}

export interface Imported {
  read: ReadTrace;
  seen: Observation[];
}

export async function imported(
  file: string,
  options: Partial<TraceOptions> = {},
): Promise<Imported> {
  const timeline = new KernelTimeline();
  const signal = new AbortController().signal;
  const read = await readTrace(file, timeline, { signal, ...options });
  return { read, seen: [...timeline.observations(read.description, read.originMs)] };
}

export const of = <K extends Observation["kind"]>(
  seen: readonly Observation[],
  kind: K,
): Extract<Observation, { kind: K }>[] =>
  seen.filter((each): each is Extract<Observation, { kind: K }> => each.kind === kind);
