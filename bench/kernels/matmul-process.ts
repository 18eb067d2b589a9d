/**
 * The process in which all libraries share one WebGPU instance and adapter. Started by main.ts with
 * the environment that finds the driver; prints one JSON line a size.
 */
import { setTimeout as delay } from "node:timers/promises";
import { create, globals } from "webgpu";
import { GpuRunner } from "../../src/probe/gpu-runner.ts";
import { compareMatmul } from "./matmul.ts";
import { ourMatmul } from "./ours.ts";
import { matmulPeers } from "./peers.ts";
import { MatmulPlan } from "./plan.ts";

/** What the product measures with, and so the same for all: exact stamps, no bounds checks. */
const DAWN_OPTIONS = [
  "disable-dawn-features=timestamp_quantization",
  "enable-dawn-features=allow_unsafe_apis,disable_robustness",
];

const plan = MatmulPlan.parse(JSON.parse(process.argv[2] ?? "{}"));
Object.assign(globalThis, globals);
const gpu = create(DAWN_OPTIONS);
Object.defineProperty(globalThis, "navigator", {
  value: { gpu, userAgent: "node" },
  configurable: true,
});
const now = (): number => performance.now() / 1000;
const clock = {
  now,
  sleep: async (seconds: number) => delay(seconds * 1000),
  // The peers wait by the library's own polling, and so does this: latency is compared, not load.
  quietly: async <T>(pending: Promise<T>) => pending,
};
const runner = await GpuRunner.open(gpu, clock);
const variants = new Map<number, Readonly<Record<string, number>>>();
const ours = ourMatmul(runner, (side, variant) => variants.set(side, variant));
const contenders = [ours, ...(await matmulPeers())];
for (const side of plan.sides) {
  const result = await compareMatmul(side, contenders, plan);
  process.stdout.write(`${JSON.stringify({ ...result, variant: variants.get(side) ?? {} })}\n`);
}
// The libraries keep devices of their own, which hold the process: who started it ends it.
process.stdout.write(`${JSON.stringify({ done: true })}\n`);
