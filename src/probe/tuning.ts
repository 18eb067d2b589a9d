import type { ProbeDevice } from "./device.ts";
import type { Kernel } from "./kernels/kernel.ts";
import type { Build, Variant } from "./kernels/variant.ts";

/** One shape that a search looked at. */
export interface Tried {
  variant: Variant;
  /** Median; absent where it was not measured. */
  ratePerSecond?: number | undefined;
  /** Why it was not measured, or not to the end, safe to show; absent where it was. */
  problem?: string | undefined;
}

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
