import { join } from "node:path";
import { makeFolder } from "../../ledger/folder.ts";
import type { Random } from "../../probe/kernels/kernel.ts";
import { buildOf } from "../../probe/kernels/variant.ts";
import { createTuning, type Tuning } from "../../probe/tuning.ts";
import { TuningCache } from "../../probe/tuning-cache.ts";

export interface BenchTuningOptions {
  /** Where what was found is kept; where it cannot be written, it is searched for each time. */
  stateDir: string;
  random: Random;
  /** Monotonic seconds. */
  now: () => number;
  signal: AbortSignal;
  /** Takes what is wrong with the file, safe to show. */
  say: (message: string) => void;
}

/** Of each kernel's search. */
const BUDGET_SECONDS = 10;

/**
 * Remembered shapes, and a search where none is. On a CPU that plays GPU the first shape is taken:
 * compiling alone takes seconds there, and the figures are no GPU's in any shape.
 */
export function benchTuning({ stateDir, say, ...options }: BenchTuningOptions): Tuning {
  const cache = new TuningCache(join(stateDir, "tuning.json"), say, (folder) =>
    makeFolder(folder, 0o700),
  );
  const tuning = createTuning({ ...options, budgetSeconds: BUDGET_SECONDS, cache });
  return {
    async choose(device, kernel, code) {
      if (!device.adapter.software) return tuning.choose(device, kernel, code);
      return buildOf(code, kernel.variants(device.adapter)[0]);
    },
  };
}
