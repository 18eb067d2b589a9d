/** The stand-ins a machine without a GPU measures on: they answer at once, as no driver does. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createNvmlCollector } from "../../src/collect/nvml/collector.ts";
import type { Collector } from "../../src/collect/contract.ts";
import type { NvmlScript } from "../../test/support/nvml-stub.ts";
import { builtUrl } from "../../test/support/built.ts";
import { GPU_COUNT } from "../simulated-node.ts";

/** A busy node: everything the reader asks for has an answer. */
export function busyNode(pids: readonly number[]): NvmlScript {
  const devices = Array.from({ length: GPU_COUNT }, (_, gpu): [string, string | number][] => {
    const pid = pids[gpu % Math.max(1, pids.length)] ?? process.pid;
    return [
      [`gpu${gpu}.util`, 90],
      [`gpu${gpu}.memUtil`, 40],
      [`gpu${gpu}.field186`, 400_000 + gpu],
      [`gpu${gpu}.field197`, 1e9],
      [`gpu${gpu}.field198`, 1e9],
      [`gpu${gpu}.compute`, `${pid}:${40 * 2 ** 30}`],
      [`gpu${gpu}.samples`, `${pid}:0:90:40`],
    ];
  });
  return {
    devices: GPU_COUNT,
    name: "NVIDIA H100 80GB HBM3",
    gpmSupported: 1,
    ...Object.fromEntries(devices),
  };
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
