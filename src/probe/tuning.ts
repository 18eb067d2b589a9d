import type { ProbeDevice } from "./device.ts";
import type { Kernel } from "./kernels/kernel.ts";
import { type Build, buildOf } from "./kernels/variant.ts";
import { sameVariant, type TuningCache, tuningKey } from "./tuning-cache.ts";
import { tune, type Tuned, type TuneOptions } from "./tuning-search.ts";

/** Finds the shape in which a kernel runs fastest on a device: remembered, or by a short search. */
export interface Tuning {
  /**
   * `code` is the shader as it is in its file. Takes device time only where the kernel has several
   * variants and none is remembered for this adapter, driver and shader.
   * @throws AssayError of the first variant (`probe/refused`, `probe/wrong-result`) where none
   * works; `probe/crashed` when the device process dies; the signal's reason when aborted
   */
  choose(device: ProbeDevice, kernel: Kernel, code: string): Promise<Build>;
}

export interface TuningOptions extends TuneOptions {
  /** Without one, every choice is a search. */
  cache?: TuningCache | undefined;
  /** Told after each search: what was tried, and what spoke against it. */
  onSearch?: ((kernel: string, tuned: Tuned) => void) | undefined;
}

/** `budgetSeconds` is of each kernel's search. */
export function createTuning(options: TuningOptions): Tuning {
  const { cache, onSearch } = options;
  return {
    async choose(device, kernel, code) {
      const offered = kernel.variants(device.adapter);
      if (offered.length === 1) return buildOf(code, offered[0]);
      const key = tuningKey(device.adapter, kernel.name, code);
      const remembered = await cache?.find(key);
      // What the file says is taken only where it is one of the shapes that the kernel offers today.
      const known = remembered && offered.find((variant) => sameVariant(variant, remembered));
      if (known) return buildOf(code, known);
      const tuned = await tune(device, kernel, code, options);
      onSearch?.(kernel.name, tuned);
      if (tuned.complete) await cache?.store(key, tuned.build.variant);
      return tuned.build;
    },
  };
}
