/** The stand-ins a machine without a GPU measures on: they answer at once, as no driver does. */
import { execFileSync, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNvmlCollector } from "../../src/collect/nvml/collector.ts";
import type { Collector } from "../../src/collect/contract.ts";
import type { NvmlScript } from "../../test/support/nvml-stub.ts";
import { builtUrl } from "../../test/support/built.ts";
import { GPU_COUNT } from "../simulated-node.ts";

/** What a driver keeps of each signal between two readings a second apart: one value in 20 ms. */
const BUFFERED = 50;

/**
 * A busy node of eight devices that support everything the reader asks for; readings move with time.
 * @param pids one process for each device, in turn
 * @param nowMs Unix milliseconds: the buffers of the driver end there
 */
export function busyNode(pids: readonly number[], nowMs: number): NvmlScript {
  const second = nowMs / 1000;
  const buffer = (value: number): string =>
    Array.from(
      { length: BUFFERED },
      (_, i) => `${Math.round((nowMs - 1000 + (i * 1000) / BUFFERED) * 1000)}:${value}`,
    ).join(" ");
  const devices = Array.from({ length: GPU_COUNT }, (_, gpu): [string, string | number][] => {
    const pid = pids[gpu % Math.max(1, pids.length)] ?? process.pid;
    const wave = (1 + Math.sin(second / 3 + gpu)) / 2;
    const watts = 250 + 50 * gpu + 80 * wave;
    return [
      [`gpu${gpu}.util`, Math.round(60 + 40 * wave)],
      [`gpu${gpu}.memUtil`, Math.round(20 + 20 * wave)],
      [`gpu${gpu}.field186`, Math.round(watts * 1000)],
      [`gpu${gpu}.energy`, Math.round(watts * 1000 * (second % 1e6))],
      [`gpu${gpu}.compute`, `${pid}:${40 * 2 ** 30}`],
      [`gpu${gpu}.samples`, `${pid}:0:${Math.round(60 + 40 * wave)}:20`],
    ];
  });
  const counters = [197, 198, 138, 139].flatMap((id): [string, number][] => [
    [`field${id}`, Math.round(8e9 + second * 1e6)],
    [`fieldType${id}`, 3],
  ]);
  const gpm = [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 20, 21, 60, 61];
  return {
    devices: GPU_COUNT,
    name: "NVIDIA H100 80GB HBM3",
    memoryUsed: 42 * 2 ** 30,
    smClock: 1980,
    gpm: 1,
    ...Object.fromEntries(gpm.map((id) => [`gpm${id}`, 40])),
    ...Object.fromEntries(counters),
    maxPcieGeneration: 5,
    maxPcieWidth: 16,
    encoder: 0,
    decoder: 0,
    jpg: 0,
    ofa: 0,
    eccCorrected: 0,
    eccUncorrected: 0,
    pcieReplays: 0,
    remappedCorrected: 0,
    bufferRoom: 2 * BUFFERED,
    buffer0: buffer(300_000),
    buffer1: buffer(90),
    buffer2: buffer(40),
    buffer5: buffer(1980),
    buffer6: buffer(2619),
    ...Object.fromEntries(devices.flat()),
  };
}

/** Keeps the stand-in's answers up to the second. @returns what ends it */
export function keepMoving(library: string, pids: readonly number[]): () => void {
  const mover = fileURLToPath(new URL("mover.ts", import.meta.url));
  const child = fork(mover, [library, ...pids.map(String)], { execArgv: ["--import", "tsx"] });
  return () => child.kill();
}

export function nvmlCollector(library: string): Collector {
  return createNvmlCollector(
    {
      node: "bench",
      intervalMs: 1000,
      library,
      simulated: true,
      procRoot: "/proc",
      pids: "trusted",
      workerUrl: builtUrl("collect/thread/worker.js"),
    },
    { monotonicMs: () => performance.now() },
  );
}

export const SMI_COLUMNS = [
  "index",
  "uuid",
  "utilization.gpu",
  "utilization.memory",
  "memory.used",
  "power.draw",
  "temperature.gpu",
  "clocks.sm",
  "clocks.mem",
  "clocks_event_reasons.active",
];

const SMI_SOURCE = `#include <stdio.h>
int main(void) {
  puts("index, uuid, utilization.gpu, utilization.memory, memory.used, power.draw, temperature.gpu, clocks.sm, clocks.mem, clocks_event_reasons.active");
  for (int i = 0; i < ${GPU_COUNT}; i++)
    printf("%d, GPU-stand-in-%d, 90, 40, 40960, 400.00, 55, 1980, 2619, 0x0000000000000000\\n", i, i);
  return 0;
}
`;

/** Compiles a program that prints what `nvidia-smi` would, and ends: the least such a child can cost. */
export function compileSmi(folder: string): string {
  const source = join(folder, "nvidia-smi.c");
  const program = join(folder, "nvidia-smi");
  writeFileSync(source, SMI_SOURCE);
  execFileSync("cc", ["-O1", "-o", program, source]);
  return program;
}
