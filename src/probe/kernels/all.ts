import type { Kernel } from "./kernel.ts";
import { matmulF32Kernel } from "./matmul-f32.ts";
import { sha256dKernel } from "./sha256d.ts";

/** Every reference kernel, by the order in which they are run. */
export const KERNELS: readonly Kernel[] = [sha256dKernel, matmulF32Kernel];
