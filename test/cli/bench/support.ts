import type { BenchOutcome, BenchRun } from "../../../src/cli/bench/run.ts";
import type { Cost, Resource } from "../../../src/model/calibration.ts";
import { AssayError } from "../../../src/model/errors.ts";
import type { Kernel } from "../../../src/probe/kernels/kernel.ts";
import { matmulF32Kernel } from "../../../src/probe/kernels/matmul-f32.ts";
import { sha256dKernel } from "../../../src/probe/kernels/sha256d.ts";
import { adapterDescription } from "../../support/adapter.ts";

/** A device that does not exist. */
export const ADAPTER = adapterDescription({
  vendor: "acme",
  architecture: "anvil",
  device: "acme-a1",
  description: "driver 1.2",
});

export function hashKernel(name: string, cost: Cost): Kernel {
  return { ...sha256dKernel, name, cost };
}

export function ceilingKernel(name: string, measures: Resource): Kernel {
  return { ...matmulF32Kernel, name, family: "alu", measures, cost: { [measures]: 1 } };
}

export function measured(
  kernel: Kernel,
  ratePerSecond: number,
  over: Partial<Extract<BenchOutcome, { kind: "measured" }>> = {},
): BenchOutcome {
  return {
    kind: "measured",
    kernel,
    build: { code: "", variant: { TILE: 64 } },
    summary: { ratePerSecond, rateSpread: 0.004, timing: "timestamp" },
    rounds: 1,
    seconds: 1,
    gpuSeconds: 1.5,
    ...over,
  };
}

export const failed = (kernel: Kernel, message: string): BenchOutcome => ({
  kind: "failed",
  kernel,
  error: new AssayError("probe/wrong-result", message, { hint: "look at the driver" }),
  gpuSeconds: 0.25,
});

export const runOf = (
  outcomes: readonly BenchOutcome[],
  over: Partial<BenchRun> = {},
): BenchRun => ({
  adapter: ADAPTER,
  outcomes,
  stopped: false,
  durationSeconds: 12,
  ...over,
});
